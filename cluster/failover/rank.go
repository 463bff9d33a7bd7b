package failover

// Rendezvous placement (highest random weight, Thaler and Ravishankar 1998): every node computes the same ranking of
// the members for a tile from hashes alone. When a node goes, only its tiles move, and each moves to the node that was
// second for it: its standby.

// hash64 mixes x into seed (the finaliser of splitmix64, Steele et al. 2014).
func hash64(seed, x uint64) uint64 {
	z := seed ^ x*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// WeightOf is a node's weight in placement, from its name.
func WeightOf(name string) uint64 { return hash64(hashString(name), 0) }
