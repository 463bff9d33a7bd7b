package sim

import (
	"fracture/cluster/failover"
	"fracture/work"
)

// once checks promise P2: a result is delivered once, and it is the task's own.
type once struct{}

func (once) effect(w *World, e *failover.Effect) {
	if e.Kind != failover.Deliver {
		return
	}
	id := e.Message.Task
	switch t := w.taskOf(id); {
	case t == nil:
		w.violate("once", "a result of task %v was delivered, which nobody submitted", id)
	case t.delivered:
		w.violate("once", "the result of task %v was delivered twice", id)
	case e.Message.Failed && w.streamOf(id.Stream).ever[work.Expendable]: // it was lost, and is answered for
	case e.Message.Failed || !isOutput(id, e.Message.Payload):
		w.violate("once", "the result of task %v is not its own: %x", id, e.Message.Payload)
	}
}
