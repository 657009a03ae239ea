package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

const (
	idleTimeout     = 4 * time.Hour
	creationTimeout = 2 * time.Minute
)

// node has the containers that were asked for; each comes into being when it is.
type node struct {
	directory  string
	mutex      sync.Mutex
	containers map[string]*container
	streams    *streamList
}

func (n *node) container(request *http.Request) *container {
	path := filepath.Join(request.PathValue("namespace"), request.PathValue("pod"), request.PathValue("container"))
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.containers[path] == nil {
		n.containers[path] = newContainer(filepath.Join(n.directory, path))
	}
	return n.containers[path]
}

// routes are those of a kubelet.
func (n *node) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", n.serveExec)
	mux.HandleFunc("/exec/{namespace}/{pod}/{uid}/{container}", n.serveExec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", n.serveAttach)
	mux.HandleFunc("/attach/{namespace}/{pod}/{uid}/{container}", n.serveAttach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", n.servePortForward)
	mux.HandleFunc("/portForward/{namespace}/{pod}/{uid}", n.servePortForward)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.serveLogs)
	return mux
}

// controlRoutes are for the test.
func (n *node) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /streams", n.streams.serve)
	mux.HandleFunc("POST /containerLogs/{namespace}/{pod}/{container}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(n.container(r).log, r.Body)
	})
	return mux
}

func (n *node) serveExec(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w, r = n.opened("exec", w, r)
	remotecommand.ServeExec(w, r, n.container(r), r.PathValue("pod"), "", r.PathValue("container"), r.Form["command"],
		options, idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (n *node) serveAttach(w http.ResponseWriter, r *http.Request) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w, r = n.opened("attach", w, r)
	remotecommand.ServeAttach(w, r, n.container(r), r.PathValue("pod"), "", r.PathValue("container"),
		options, idleTimeout, creationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (n *node) servePortForward(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w, r = n.opened("portforward", w, r)
	portforward.ServePortForward(w, r, forwarder{gone: r.Context()}, r.PathValue("pod"), "", options,
		idleTimeout, creationTimeout, portforward.SupportedProtocols)
}

// opened enters a stream into the list until its connection is gone, and ends the request's context with it: for a
// connection that was taken over the server does not, and a silent command would go on for ever.
func (n *node) opened(kind string, w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	gone, leave := context.WithCancel(r.Context())
	context.AfterFunc(gone, n.streams.open(kind, r.PathValue("namespace"), r.PathValue("pod")))
	return &watchedWriter{ResponseWriter: w, leave: leave}, r.WithContext(gone)
}

type watchedWriter struct {
	http.ResponseWriter
	leave func()
}

func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return nil, nil, err
	}
	watched := &watchedConnection{Conn: connection, leave: w.leave}
	ahead, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	buffered.Reader.Reset(io.MultiReader(bytes.NewReader(bytes.Clone(ahead)), watched))
	return watched, buffered, nil
}

type watchedConnection struct {
	net.Conn
	leave func()
}

func (c *watchedConnection) Read(bytes []byte) (int, error) {
	count, err := c.Conn.Read(bytes)
	if err != nil {
		c.leave()
	}
	return count, err
}

func (c *watchedConnection) Close() error {
	c.leave()
	return c.Conn.Close()
}

// forwarder has its own context: the one that it is called with does not end with the connection.
type forwarder struct{ gone context.Context }

// PortForward carries bytes between a stream and a port of this machine until that has ended, or the client has gone.
func (f forwarder) PortForward(_ context.Context, _ string, _ string, port int32, stream io.ReadWriteCloser) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	connection, err := (&net.Dialer{}).DialContext(f.gone, "tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	stop := context.AfterFunc(f.gone, func() { connection.Close() })
	defer stop()
	go func() {
		_, _ = io.Copy(connection, stream)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, connection)
	return err
}
