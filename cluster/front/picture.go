package front

import (
	"context"
	"fmt"
	"net/http"

	"fracture/render"
	"fracture/work"
	"fracture/work/fractal"
)

// unfinished is the reply to a request that was accepted and whose picture did not come in time; the store will have it.
func unfinished(why string) reply {
	return plain(http.StatusGatewayTimeout, "accepted, but not in the reply: "+why+"; the picture will be in the store")
}

// picture waits for every tile, and answers with the whole in colours.
func (s *Server) picture(ctx context.Context, stream work.Stream, results <-chan Result) reply {
	var joiner fractal.Joiner
	var pixels fractal.View
	for result := range results {
		if result.Failed {
			return plain(http.StatusInternalServerError, fmt.Sprintf("tile %d failed: %s", result.Tile, result.Payload))
		}
		tile, err := fractal.DecodeTile(result.Payload)
		if err == nil {
			err = joiner.Add(tile)
		}
		if err != nil {
			return plain(http.StatusInternalServerError, fmt.Sprintf("tile %d of stream %x: %v", result.Tile, stream.ID, err))
		}
		pixels = tile.View
	}
	if !joiner.Complete() {
		return unfinished("not every tile came")
	}
	select {
	case s.pictures <- struct{}{}:
		defer func() { <-s.pictures }()
	case <-ctx.Done():
		return unfinished("too many pictures at once")
	}
	var picture render.Picture
	render.Paint(&picture, render.Field(joiner.Field()), s.palette, pixels.Width, pixels.Height)
	body, err := render.EncodePNG(&picture)
	if err != nil {
		return plain(http.StatusInternalServerError, err.Error())
	}
	return reply{status: http.StatusOK, kind: "image/png", body: body}
}
