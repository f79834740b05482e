package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Steps that measure a scheduler:
//   - nodes makes Count nodes and takes the taint away that admission gives to nodes that are not ready
//   - post sends File to Path once
//   - fill makes Count pods that name their node
//   - schedule makes Count pods and waits until each has a node: from the first request to the last binding seen
//   - empty deletes the pods of the namespace and waits until they are gone
func (r *runner) known(do string) bool {
	switch do {
	case "nodes", "post", "fill", "schedule", "empty":
		return true
	}
	return false
}

// How long all pods may take to get their nodes.
const bindLimit = 4 * time.Minute

func (r *runner) scheduling(s step) (result, error) {
	var file []byte
	if s.File != "" {
		var err error
		if file, err = os.ReadFile(r.path(s.File)); err != nil {
			return result{}, err
		}
	}
	if s.Namespace != "" {
		if err := r.ensureNamespace(s.Namespace); err != nil {
			return result{}, err
		}
	}
	clients, err := r.clients(max(1, s.Clients))
	if err != nil {
		return result{}, err
	}
	defer func() {
		for _, c := range clients {
			c.close()
		}
	}()
	pods := "/api/v1/namespaces/" + s.Namespace + "/pods"
	object := func(i int, prefix string) []byte {
		node := 0
		if r.nodes > 0 {
			node = i % r.nodes
		}
		return replaceAll(file, "$NAME", prefix+strconv.Itoa(i), "$NODE", "node-"+strconv.Itoa(node),
			"$ZONE", "zone-"+strconv.Itoa(i%max(1, s.Zones)), "$GROUP", strconv.Itoa(i%max(1, s.Groups)))
	}
	switch s.Do {
	case "post":
		_, err := clients[0].do("POST", s.Path, "application/json", file)
		return result{Step: s.Name}, err
	case "nodes":
		r.nodes = s.Count
		_, _, err := all(clients, s.Count, func(c *client, i int) (int, error) {
			if _, err := c.do("POST", "/api/v1/nodes", "application/json", object(i, "node-")); err != nil {
				return 0, err
			}
			return c.do("PATCH", "/api/v1/nodes/node-"+strconv.Itoa(i), "application/merge-patch+json", []byte(`{"spec":{"taints":null}}`))
		})
		return result{Step: s.Name}, err
	case "fill":
		_, _, err := all(clients, s.Count, func(c *client, i int) (int, error) {
			return c.do("POST", pods, "application/json", object(i, "pod-"))
		})
		return result{Step: s.Name}, err
	case "empty":
		return result{Step: s.Name}, r.empty(clients[0], pods)
	}
	return r.schedule(s, clients, pods, func(i int) []byte { return object(i, "pod-") })
}

func (r *runner) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(r.directory, file)
}

func replaceAll(text []byte, pairs ...string) []byte {
	for i := 0; i < len(pairs); i += 2 {
		text = bytes.ReplaceAll(text, []byte(pairs[i]), []byte(pairs[i+1]))
	}
	return text
}

func (r *runner) clients(count int) ([]*client, error) {
	clients := make([]*client, count)
	for i := range clients {
		clients[i] = newClient(r.server, r.tls)
		// The connection is made before the clock starts.
		if _, err := clients[i].do("GET", "/version", "", nil); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

func (r *runner) schedule(s step, clients []*client, pods string, object func(i int) []byte) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), bindLimit)
	defer cancel()
	watcher := newClient(r.server, r.tls)
	defer watcher.close()
	// Only pods that have a node: one event when each gets it.
	url := r.server + pods + "?watch=1&fieldSelector=spec.nodeName!%3D"
	stream, err := watcher.stream(ctx, url)
	if err != nil {
		return result{}, err
	}
	bound := make(chan error, 1)
	go func() { bound <- watcher.countNames(ctx, url, stream, s.Count) }()
	before, err := r.cpu()
	if err != nil {
		return result{}, err
	}
	own, started := ownCPUSeconds(), time.Now()
	_, _, err = all(clients, s.Count, func(c *client, i int) (int, error) { return c.do("POST", pods, "application/json", object(i)) })
	if err != nil {
		return result{}, err
	}
	created := time.Since(started).Seconds()
	if err := <-bound; err != nil {
		return result{}, fmt.Errorf("not all pods have a node after %s: %w", time.Since(started).Round(time.Second), err)
	}
	seconds := time.Since(started).Seconds()
	after, err := r.cpu()
	if err != nil {
		return result{}, err
	}
	pss, err := pssMiB([]int{r.scheduler})
	if err != nil {
		return result{}, err
	}
	return result{
		Step: s.Name, Requests: s.Count, Seconds: seconds, PerSecond: float64(s.Count) / seconds, CreatedRate: float64(s.Count) / created,
		ServerCPU: after[0] - before[0], SchedulerCPU: after[1] - before[1], ClientCPU: ownCPUSeconds() - own, SchedulerPSS: pss,
	}, nil
}

// cpu is seconds of the server and of the scheduler so far.
func (r *runner) cpu() ([2]float64, error) {
	server, err := cpuSeconds(r.pids)
	if err != nil {
		return [2]float64{}, err
	}
	scheduler, err := cpuSeconds([]int{r.scheduler})
	return [2]float64{server, scheduler}, err
}

// countNames reads watch events until it has seen so many different names. A watch that the server ends is begun anew, and
// tells first of all objects that there are.
func (c *client) countNames(ctx context.Context, url string, stream io.ReadCloser, count int) error {
	seen := make(map[string]struct{}, count)
	for {
		err := readNames(stream, seen, count)
		stream.Close()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			stream, err = c.stream(ctx, url)
		}
		if err != nil {
			return fmt.Errorf("%d of %d: %w", len(seen), count, err)
		}
	}
}

func readNames(stream io.Reader, seen map[string]struct{}, count int) error {
	lines := bufio.NewReaderSize(stream, 1<<16)
	for len(seen) < count {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		// The first name of an object is its own.
		_, rest, found := bytes.Cut(line, []byte(`"metadata":{"name":"`))
		name, _, ended := bytes.Cut(rest, []byte(`"`))
		if !found || !ended {
			return fmt.Errorf("an event without a name: %.200s", line)
		}
		seen[string(name)] = struct{}{}
	}
	return nil
}

func (r *runner) empty(c *client, pods string) error {
	if _, err := c.do("DELETE", pods, "", nil); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		size, err := c.do("GET", pods+"?limit=1", "", nil)
		if err != nil {
			return err
		}
		// An empty list is a few dozen bytes.
		if size < 300 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("pods are still there after a minute")
		}
	}
}
