package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Accept headers of client-go's informers: what most of them send today, and what those of the built-in kinds can.
var accepts = []string{"application/json", "application/vnd.kubernetes.protobuf;stream=watch,application/json"}

// How long a server may take until its memory says what idle watches cost.
const idleSettle = 5 * time.Second

// idleWatches opens Count watches of all pods over Clients connections, half of them JSON and half protobuf, and as many
// again: by how much the servers' memory grew for each of the first and of the further ones, the connections' share included.
func (r *runner) idleWatches(s step) (result, error) {
	if err := r.ensureNamespace(s.Namespace); err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var opened []io.Closer
	var clients []*client
	defer func() {
		cancel()
		for _, stream := range opened {
			stream.Close()
		}
		for _, c := range clients {
			c.close()
		}
	}()
	time.Sleep(idleSettle)
	before, err := pssMiB(r.pids)
	if err != nil {
		return result{}, err
	}
	sizes := []float64{before}
	for range 2 {
		more, err := r.clients(s.Clients)
		clients = append(clients, more...)
		if err != nil {
			return result{}, err
		}
		for i := range s.Count {
			c := more[i%len(more)]
			c.accept = accepts[i/len(more)%len(accepts)]
			stream, err := c.stream(ctx, r.server+"/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=600")
			if err != nil {
				return result{}, fmt.Errorf("watch %d: %w", i, err)
			}
			opened = append(opened, stream)
		}
		time.Sleep(idleSettle)
		size, err := pssMiB(r.pids)
		if err != nil {
			return result{}, err
		}
		sizes = append(sizes, size)
	}
	each := func(from, to int) float64 { return (sizes[to] - sizes[from]) * 1024 / float64(s.Count) }
	return result{Step: s.Name, Requests: s.Count, KiBEach: each(0, 1), KiBFurther: each(1, 2)}, nil
}
