package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A client has one HTTP/2 connection of its own, as each client-go process has. Nothing is compressed: on one machine
// that would measure gzip.
type client struct {
	http   *http.Client
	server string
	buffer []byte
	// accept is the form that is asked for; gzip asks for compressed answers, which are not taken apart.
	accept string
	gzip   bool
}

func newClient(server string, config *tls.Config) *client {
	return &client{
		http: &http.Client{Transport: &http.Transport{
			TLSClientConfig:    config.Clone(),
			ForceAttemptHTTP2:  true,
			DisableCompression: true,
			MaxIdleConns:       1,
		}},
		server: server,
		buffer: make([]byte, 1<<18),
		accept: "application/json",
	}
}

func (c *client) open(method, path, contentType string, body []byte) (*http.Response, error) {
	request, err := http.NewRequest(method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", c.accept)
	request.Header.Set("User-Agent", "bench/1")
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	return c.http.Do(request)
}

// do reads the whole answer and gives its size. A 429 is retried after the time it names, as client-go does.
func (c *client) do(method, path, contentType string, body []byte) (int, error) {
	for {
		response, err := c.open(method, path, contentType, body)
		if err != nil {
			return 0, err
		}
		size, head, err := c.drain(response.Body)
		response.Body.Close()
		if err != nil {
			return 0, err
		}
		if response.StatusCode == http.StatusTooManyRequests {
			seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
			if err == nil {
				time.Sleep(time.Duration(seconds) * time.Second)
				continue
			}
		}
		if response.StatusCode >= 300 {
			return 0, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, head)
		}
		return size, nil
	}
}

func (c *client) drain(body io.Reader) (size int, head []byte, err error) {
	for {
		n, err := body.Read(c.buffer)
		if size == 0 {
			head = bytes.Clone(c.buffer[:min(n, 500)])
		}
		size += n
		if err == io.EOF {
			return size, head, nil
		}
		if err != nil {
			return 0, nil, err
		}
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }
