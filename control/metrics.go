package control

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
)

// downtimeBuckets are the upper bounds of the histogram of downtimes, in seconds, around the ten milliseconds that are
// promised.
var downtimeBuckets = []float64{0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5, 1}

// figures are what Prometheus reads. What the lab knows is asked for when it reads; incidents are counted as they end.
type figures struct {
	of       *Server
	registry *prometheus.Registry
	downtime *prometheus.HistogramVec
	over     *prometheus.CounterVec
	untold   *prometheus.CounterVec

	needless, results, lost, twice    *prometheus.Desc
	up, resident, cores               *prometheus.Desc
	standing, dropped, built, follows *prometheus.Desc
}

func newFigures(of *Server) *figures {
	labels := []string{"fault", "role"}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("fracture_"+name, help, labels, nil)
	}
	f := &figures{
		of: of, registry: prometheus.NewRegistry(),
		downtime: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fracture_downtime_seconds", Buckets: downtimeBuckets,
			Help: "How long the work stood still at the receiver, by the class of the fault and what its victim was.",
		}, labels),
		over: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fracture_incidents_total", Help: "Incidents that are over, those whose downtime cannot be told too.",
		}, labels),
		untold: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fracture_untold_incidents_total", Help: "Incidents whose downtime cannot be told; they are not in fracture_downtime_seconds.",
		}, labels),
		needless: desc("needless_takeovers_total", "Takeovers from nodes that nobody broke."),
		results:  desc("results_total", "Results that came to the receiver, each counted once."),
		lost:     desc("lost_results_total", "Results that were due and did not come in time to be measured."),
		twice:    desc("duplicate_results_total", "Results that were delivered twice."),
		up:       desc("node_up", "Whether the node works: 0 where it is dead or frozen.", "node"),
		resident: desc("node_resident_bytes", "Memory resident in the node, as it last told.", "node"),
		cores:    desc("node_cpu_cores", "Cores that the node used, as it last told.", "node"),
		standing: desc("standing_faults", "Faults that stand by the control API."),
		follows:  desc("event_followers", "Clients that follow events."),
		dropped:  desc("dropped_events_total", "Events that did not reach a client that followed too slowly, or that could not be told."),
		built:    desc("build_info", "Always 1; the label is the version.", "version"),
	}
	f.registry.MustRegister(f, f.downtime, f.over, f.untold)
	return f
}

// count takes in an incident that is over.
func (f *figures) count(i Incident) {
	f.over.WithLabelValues(i.Fault, i.Role).Inc()
	if i.Untold != "" {
		f.untold.WithLabelValues(i.Fault, i.Role).Inc()
		return
	}
	f.downtime.WithLabelValues(i.Fault, i.Role).Observe(i.Downtime / 1000)
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		f.needless, f.results, f.lost, f.twice, f.up, f.resident, f.cores, f.standing, f.dropped, f.built, f.follows,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(out chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		metric, err := prometheus.NewConstMetric(d, kind, value, labels...)
		if err != nil {
			metric = prometheus.NewInvalidMetric(d, err)
		}
		out <- metric
	}
	s := f.of
	if t, ok := s.lab.Totals(); ok {
		tell(f.results, prometheus.CounterValue, float64(t.Results))
		tell(f.lost, prometheus.CounterValue, float64(t.Lost))
		tell(f.twice, prometheus.CounterValue, float64(t.Duplicates))
		tell(f.needless, prometheus.CounterValue, float64(t.Needless))
	}
	for _, n := range s.lab.Nodes() {
		up := 0.0
		if n.Up() {
			up = 1
		}
		tell(f.up, prometheus.GaugeValue, up, n.Name)
		tell(f.resident, prometheus.GaugeValue, float64(n.RSS), n.Name)
		tell(f.cores, prometheus.GaugeValue, n.CPU, n.Name)
	}
	tell(f.standing, prometheus.GaugeValue, float64(len(s.faults())))
	tell(f.follows, prometheus.GaugeValue, float64(s.followers.Load()))
	tell(f.dropped, prometheus.CounterValue, float64(s.history.lost()))
	tell(f.built, prometheus.GaugeValue, 1, s.cfg.Version)
}

// metrics answers with all figures in Prometheus' text format.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request, _ string) {
	families, err := s.figures.registry.Gather()
	if err != nil {
		s.fail(w, err)
		return
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	s.extend(w)
	w.Header().Set("Content-Type", string(format))
	text := expfmt.NewEncoder(w, format)
	for _, family := range families {
		if text.Encode(family) != nil {
			return // the client is gone: there is nobody to tell
		}
	}
}
