package main

import (
	"encoding/json"
	"net/http"
	"sync"
)

// openStream is one line of the list: a stream that opened, or one that closed.
type openStream struct {
	ID        int    `json:"id"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	IsOpen    bool   `json:"isOpen"`
}

// streamList tells of every stream as it opens and closes.
type streamList struct {
	mutex   sync.Mutex
	history []openStream
	// Closed, and replaced, when there is more.
	more chan struct{}
}

func newStreamList() *streamList {
	return &streamList{more: make(chan struct{})}
}

func (l *streamList) add(stream openStream) openStream {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if stream.ID == 0 {
		stream.ID = len(l.history) + 1
	}
	l.history = append(l.history, stream)
	close(l.more)
	l.more = make(chan struct{})
	return stream
}

// open enters a stream, and gives what enters its end.
func (l *streamList) open(kind, namespace, pod string) func() {
	stream := l.add(openStream{Kind: kind, Namespace: namespace, Pod: pod, IsOpen: true})
	return func() {
		stream.IsOpen = false
		l.add(stream)
	}
}

// serve writes one JSON object a line, from the beginning and for as long as the client stays.
func (l *streamList) serve(w http.ResponseWriter, r *http.Request) {
	encoder := json.NewEncoder(w)
	for position := 0; ; {
		l.mutex.Lock()
		news, more := l.history[position:], l.more
		l.mutex.Unlock()
		for _, stream := range news {
			if encoder.Encode(stream) != nil {
				return
			}
		}
		position += len(news)
		w.(http.Flusher).Flush()
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}
