package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// How often the others ask, and how long they are listened to before the large reads begin.
const (
	pause = 2 * time.Millisecond
	alone = 3 * time.Second
)

// others send one small request after the other and note how long each took.
type others struct {
	stopped   chan struct{}
	group     sync.WaitGroup
	lock      sync.Mutex
	latencies []time.Duration
	// late is the longest by which this program itself came later than it meant to.
	late    time.Duration
	failure error
}

func (o *others) send(request func(i int) error) {
	o.group.Go(func() {
		for i := 0; ; i++ {
			due := time.Now().Add(pause)
			select {
			case <-o.stopped:
				return
			case <-time.After(pause):
			}
			started := time.Now()
			err := request(i)
			o.lock.Lock()
			o.late = max(o.late, started.Sub(due))
			o.latencies = append(o.latencies, time.Since(started))
			if err != nil {
				o.failure = err
			}
			o.lock.Unlock()
			if err != nil {
				return
			}
		}
	})
}

// taken gives the latencies since the last time, in order of size, and how late this program was.
func (o *others) taken() ([]time.Duration, time.Duration, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	taken := o.latencies
	late := o.late
	o.latencies, o.late = nil, 0
	slices.Sort(taken)
	if len(taken) == 0 && o.failure == nil {
		return nil, 0, fmt.Errorf("nobody was answered meanwhile")
	}
	return taken, late, o.failure
}

// beside reads Path as Accept Count times while others get pods of Namespace and create pods beside them: the longest that any
// of these waited, before and meanwhile. A read goes on to the last page, or to the end of a watch's initial events.
func (r *runner) beside(s step) (result, error) {
	small := s.Namespace + "-small"
	for _, namespace := range []string{s.Namespace, small} {
		if err := r.ensureNamespace(namespace); err != nil {
			return result{}, err
		}
	}
	clients, err := r.clients(2)
	if err != nil {
		return result{}, err
	}
	for _, c := range clients {
		defer c.close()
	}
	getter, creator := clients[0], clients[1]
	reader, err := r.startReader(s)
	if err != nil {
		return result{}, err
	}
	defer reader.end()
	o := &others{stopped: make(chan struct{})}
	o.send(func(i int) error {
		_, err := getter.do("GET", "/api/v1/namespaces/"+s.Namespace+"/pods/pod-"+strconv.Itoa(i*7919%s.Of), "", nil)
		return err
	})
	r.reads++
	prefix := fmt.Sprintf("beside-%d-", r.reads)
	o.send(func(i int) error {
		body := bytes.ReplaceAll(r.pod, []byte("$NAME"), []byte(prefix+strconv.Itoa(i)))
		_, err := creator.do("POST", "/api/v1/namespaces/"+small+"/pods", "application/json", body)
		return err
	})
	stop := sync.OnceFunc(func() {
		close(o.stopped)
		o.group.Wait()
	})
	defer stop()
	time.Sleep(alone)
	before, _, err := o.taken()
	if err != nil {
		return result{}, err
	}
	cpu, err := cpuSeconds(r.pids)
	if err != nil {
		return result{}, err
	}
	started, size := time.Now(), 0
	for range s.Count {
		n, err := reader.read()
		if err != nil {
			return result{}, err
		}
		size += n
	}
	seconds := time.Since(started).Seconds()
	meanwhile, late, err := o.taken()
	if err != nil {
		return result{}, err
	}
	after, err := cpuSeconds(r.pids)
	if err != nil {
		return result{}, err
	}
	ms := func(latencies []time.Duration, q float64) float64 {
		return latencies[int(float64(len(latencies)-1)*q)].Seconds() * 1000
	}
	return result{
		Step: s.Name, Requests: s.Count, Seconds: seconds / float64(s.Count), Bytes: size / s.Count, ServerCPU: after - cpu,
		OthersBefore: ms(before, 1), OthersMedian: ms(meanwhile, 0.5), OthersP99: ms(meanwhile, 0.99), OthersMax: ms(meanwhile, 1), Others: len(meanwhile),
		OthersLate: late.Seconds() * 1000,
	}, nil
}

var continued = regexp.MustCompile(`"continue":"([^"]+)"`)

// What the mark after a watch's initial events is annotated with.
var initialEnd = []byte("k8s.io/initial-events-end")

func (c *client) readAll(path string) (int, error) {
	size, next := 0, path
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		stream, err := c.stream(ctx, c.server+next)
		if err != nil {
			cancel()
			return 0, err
		}
		n, head, err := c.upToEnd(stream)
		cancel()
		stream.Close()
		size += n
		if err != nil {
			return size, err
		}
		page := continued.FindSubmatch(head)
		if page == nil {
			return size, nil
		}
		next = path + "&continue=" + string(page[1])
	}
}

// upToEnd reads until the end, or to the mark after initial events. It gives the first bytes.
func (c *client) upToEnd(stream io.Reader) (size int, head []byte, err error) {
	kept := 0
	for {
		n, err := stream.Read(c.buffer[kept:])
		if size == 0 {
			head = bytes.Clone(c.buffer[:min(n, 2000)])
		}
		size += n
		seen := c.buffer[:kept+n]
		if err == io.EOF || bytes.Contains(seen, initialEnd) {
			return size, head, nil
		}
		if err != nil {
			return size, head, err
		}
		// The mark may be cut in two.
		kept = copy(c.buffer, seen[max(0, len(seen)-len(initialEnd)):])
	}
}
