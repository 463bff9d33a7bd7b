package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// saveLook is how often a store is asked whether it has saved.
const saveLook = 10 * time.Millisecond

// Save has the store save what it holds to its file (BGSAVE), and reports, when that is over, whether it could. A store that
// could not takes no more writes, where it is told to save at all, until it can. Only who started the store is to do so.
func (c *Client) Save(ctx context.Context) (saved bool, err error) {
	for begun := false; ; {
		if !begun {
			err := c.rdb.BgSave(ctx).Err()
			begun = err == nil
			if err != nil && !strings.Contains(err.Error(), "in progress") { // that one may have begun before
				return false, fmt.Errorf("having %s save: %w", c.shown, c.clean(err))
			}
		}
		info, err := c.rdb.Info(ctx, "persistence").Result()
		if err != nil {
			return false, fmt.Errorf("asking %s whether it has saved: %w", c.shown, c.clean(err))
		}
		if begun && strings.Contains(info, "rdb_bgsave_in_progress:0") {
			return strings.Contains(info, "rdb_last_bgsave_status:ok"), nil
		}
		wait(ctx, saveLook)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
	}
}
