package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type runner struct {
	server string
	// identity is server and certificates as flags.
	identity    []string
	tls         *tls.Config
	pids        []int
	pod, status []byte
	namespaces  []string
	// Where the workload's files lie.
	directory string
	scheduler int
	nodes     int
	// Steps so far that read beside others.
	reads int
}

// A result is one line of output. Rates are per second of wall-clock time, latencies milliseconds.
type result struct {
	Step       string  `json:"step"`
	Requests   int     `json:"requests,omitempty"`
	Seconds    float64 `json:"seconds,omitempty"`
	PerSecond  float64 `json:"perSecond,omitempty"`
	P50        float64 `json:"p50,omitempty"`
	P99        float64 `json:"p99,omitempty"`
	Bytes      int     `json:"bytesEach,omitempty"`
	Events     int64   `json:"events,omitempty"`
	EventsRate float64 `json:"eventsPerSecond,omitempty"`
	Restarts   int64   `json:"watchRestarts,omitempty"`
	// ServerCPU and ClientCPU are seconds of processor time during the step.
	ServerCPU float64 `json:"serverCPU,omitempty"`
	ClientCPU float64 `json:"clientCPU,omitempty"`
	PSS       float64 `json:"pssMiB,omitempty"`
	// Of the scheduler process alone.
	SchedulerCPU float64 `json:"schedulerCPU,omitempty"`
	SchedulerPSS float64 `json:"schedulerPSSMiB,omitempty"`
	// CreatedRate is how fast the pods came.
	CreatedRate float64 `json:"createdPerSecond,omitempty"`
	// KiB of the servers' memory for each of the first watches and of as many more.
	KiBEach    float64 `json:"kibEach,omitempty"`
	KiBFurther float64 `json:"kibFurther,omitempty"`
	// Milliseconds that small requests took: the longest before, and the median, the 99th percentile and the longest of so many
	// while something large was read.
	OthersBefore float64 `json:"othersBefore,omitempty"`
	OthersMedian float64 `json:"othersMedian,omitempty"`
	OthersP99    float64 `json:"othersP99,omitempty"`
	OthersMax    float64 `json:"othersMax,omitempty"`
	Others       int     `json:"others,omitempty"`
	// OthersLate are milliseconds by which the measuring program itself came late at most.
	OthersLate float64 `json:"othersLate,omitempty"`
}

// How long what is left to do in the background may take before memory is read.
const settle = 3 * time.Second

func (r *runner) step(s step) (result, error) {
	if s.Do == "memory" {
		time.Sleep(settle)
		pss, err := pssMiB(r.pids)
		return result{Step: s.Name, PSS: pss}, err
	}
	if s.Do == "idle-watches" {
		return r.idleWatches(s)
	}
	if s.Do == "beside" {
		return r.beside(s)
	}
	if r.known(s.Do) {
		return r.scheduling(s)
	}
	if s.Do == "served" {
		return result{Step: s.Name}, r.served(s.Path)
	}
	if err := r.ensureNamespace(s.Namespace); err != nil {
		return result{}, err
	}
	pods := "/api/v1/namespaces/" + s.Namespace + "/pods"
	patchType := "application/strategic-merge-patch+json"
	if at := strings.LastIndex(s.Resource, "/"); at > 0 {
		pods = "/" + s.Resource[:at] + "/namespaces/" + s.Namespace + s.Resource[at:]
		patchType = "application/merge-patch+json"
	}
	var request func(c *client, i int) (int, error)
	name := func(i int) string { return "pod-" + strconv.Itoa(i) }
	switch s.Do {
	case "create":
		request = func(c *client, i int) (int, error) {
			return c.do("POST", pods, "application/json", bytes.ReplaceAll(r.pod, []byte("$NAME"), []byte(name(i))))
		}
	case "get":
		// A stride that shares no factor with the counts in use visits the objects in no particular order.
		request = func(c *client, i int) (int, error) { return c.do("GET", pods+"/"+name(i*7919%s.Of), "", nil) }
	case "list":
		request = func(c *client, _ int) (int, error) { return c.do("GET", pods, "", nil) }
	case "patch":
		request = func(c *client, i int) (int, error) {
			return c.do("PATCH", pods+"/"+name(i%s.Of)+"/status", patchType, bytes.ReplaceAll(r.status, []byte("$NUMBER"), []byte(strconv.Itoa(i))))
		}
	case "delete":
		request = func(c *client, i int) (int, error) { return c.do("DELETE", pods+"/"+name(i), "", nil) }
	default:
		return result{}, fmt.Errorf("there is no step %q", s.Do)
	}
	clients := make([]*client, s.Clients)
	for i := range clients {
		clients[i] = newClient(r.server, r.tls)
		defer clients[i].close()
		// The connection is made before the clock starts.
		if _, err := clients[i].do("GET", "/version", "", nil); err != nil {
			return result{}, err
		}
	}
	watch, err := r.watch(pods, s)
	if err != nil {
		return result{}, err
	}
	defer watch.stop()
	cpu, err := cpuSeconds(r.pids)
	if err != nil {
		return result{}, err
	}
	own, started := ownCPUSeconds(), time.Now()
	latencies, size, err := all(clients, s.Count, request)
	if err != nil {
		return result{}, err
	}
	seconds := time.Since(started).Seconds()
	events, err := watch.wait()
	if err != nil {
		return result{}, err
	}
	whole := time.Since(started).Seconds()
	after, err := cpuSeconds(r.pids)
	if err != nil {
		return result{}, err
	}
	slices.Sort(latencies)
	at := func(q float64) float64 { return latencies[int(float64(len(latencies)-1)*q)].Seconds() * 1000 }
	return result{
		Step: s.Name, Requests: s.Count, Seconds: seconds, PerSecond: float64(s.Count) / seconds, P50: at(0.5), P99: at(0.99),
		Bytes: size / s.Count, Events: events, EventsRate: float64(events) / whole, Restarts: watch.restarts.Load(), ServerCPU: after - cpu, ClientCPU: ownCPUSeconds() - own,
	}, nil
}

// served waits until the path is answered: a definition is not served the moment that it is posted.
func (r *runner) served(path string) error {
	c := newClient(r.server, r.tls)
	defer c.close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := c.do("GET", path, "", nil)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// all sends count requests over the clients, each of which sends its next one when the last was answered.
func all(clients []*client, count int, request func(c *client, i int) (int, error)) ([]time.Duration, int, error) {
	var next, size atomic.Int64
	var group sync.WaitGroup
	latencies := make([]time.Duration, count)
	failures := make([]error, len(clients))
	for at, c := range clients {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				started := time.Now()
				n, err := request(c, i)
				if err != nil {
					failures[at] = err
					next.Store(int64(count))
					return
				}
				latencies[i] = time.Since(started)
				size.Add(int64(n))
			}
		})
	}
	group.Wait()
	return latencies, int(size.Load()), errors.Join(failures...)
}

// ensureNamespace makes it and the service account that pods need; nobody else does, for no controllers run.
func (r *runner) ensureNamespace(name string) error {
	if slices.Contains(r.namespaces, name) {
		return nil
	}
	r.namespaces = append(r.namespaces, name)
	c := newClient(r.server, r.tls)
	defer c.close()
	if _, err := c.do("POST", "/api/v1/namespaces", "application/json", []byte(`{"metadata":{"name":"`+name+`"}}`)); err != nil {
		return err
	}
	_, err := c.do("POST", "/api/v1/namespaces/"+name+"/serviceaccounts", "application/json", []byte(`{"metadata":{"name":"default"}}`))
	return err
}

// watchers count the lines of their streams: an event is one line.
type watchers struct {
	cancel  context.CancelFunc
	group   sync.WaitGroup
	counted []atomic.Int64
	want    int64
	// Watches that the server ended and that were begun anew; what hindered one from being begun.
	restarts atomic.Int64
	failure  atomic.Pointer[error]
}

func (r *runner) watch(path string, s step) (*watchers, error) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watchers{cancel: cancel, counted: make([]atomic.Int64, s.Watchers), want: int64(s.Count)}
	if s.Watchers == 0 {
		return w, nil
	}
	c := newClient(r.server, r.tls)
	defer c.close()
	response, err := c.open("GET", path+"?limit=1", "", nil)
	if err != nil {
		return w, err
	}
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	err = json.NewDecoder(response.Body).Decode(&list)
	response.Body.Close()
	if err != nil {
		return w, err
	}
	url := r.server + path + "?watch=1&resourceVersion=" + list.Metadata.ResourceVersion
	for i := range s.Watchers {
		c := newClient(r.server, r.tls)
		stream, err := c.stream(ctx, url)
		if err != nil {
			return w, err
		}
		w.group.Go(func() { w.follow(ctx, c, url, stream, &w.counted[i]) })
	}
	return w, nil
}

func (c *client) stream(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", c.accept)
	if c.gzip {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", url, response.Status)
	}
	return response.Body, nil
}

// follow reads to the end. A server may cut off a watcher that it finds too slow; the watch is then begun anew, and so is
// the count.
func (w *watchers) follow(ctx context.Context, c *client, url string, stream io.ReadCloser, counted *atomic.Int64) {
	defer c.close()
	for {
		counted.Store(0)
		c.count(stream, counted)
		stream.Close()
		if ctx.Err() != nil {
			return
		}
		w.restarts.Add(1)
		var err error
		if stream, err = c.stream(ctx, url); err != nil {
			w.failure.CompareAndSwap(nil, &err)
			return
		}
	}
}

// count reads until the stream ends.
func (c *client) count(stream io.Reader, counted *atomic.Int64) {
	for {
		n, err := stream.Read(c.buffer)
		counted.Add(int64(bytes.Count(c.buffer[:n], []byte{'\n'})))
		if err != nil {
			return
		}
	}
}

// wait returns when every watcher has seen every write.
func (w *watchers) wait() (int64, error) {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		total, late := int64(0), 0
		for i := range w.counted {
			n := w.counted[i].Load()
			total += n
			if n < w.want {
				late++
			}
		}
		if late == 0 {
			return total, nil
		}
		if failure := w.failure.Load(); failure != nil {
			return total, *failure
		}
		if time.Now().After(deadline) {
			return total, fmt.Errorf("%d of %d watchers have not seen all of %d events", late, len(w.counted), w.want)
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *watchers) stop() {
	w.cancel()
	w.group.Wait()
}
