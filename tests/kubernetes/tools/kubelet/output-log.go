package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// outputLog is all that a container's main program has printed.
type outputLog struct {
	mutex   sync.Mutex
	printed []byte
	// Closed, and replaced, when there is more.
	more chan struct{}
}

func newOutputLog() *outputLog {
	return &outputLog{more: make(chan struct{})}
}

func (l *outputLog) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.printed = append(l.printed, text...)
	close(l.more)
	l.more = make(chan struct{})
	return len(text), nil
}

func (l *outputLog) from(position int) ([]byte, <-chan struct{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.printed[position:], l.more
}

func (l *outputLog) end() int {
	text, _ := l.from(0)
	return len(text)
}

// lastLines is the position at which that many lines begin.
func (l *outputLog) lastLines(count int) int {
	text, _ := l.from(0)
	position := len(text)
	for ; count > 0 && position > 0; count-- {
		position = bytes.LastIndexByte(text[:position-1], '\n') + 1
	}
	return position
}

// follow copies from a position on; after the context's end it copies what is left, and returns.
func (l *outputLog) follow(ctx context.Context, position int, out io.Writer) error {
	for {
		isOver := ctx.Err() != nil
		text, more := l.from(position)
		if _, err := out.Write(text); err != nil {
			return err
		}
		position += len(text)
		if isOver {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
		}
	}
}

func (n *node) serveLogs(w http.ResponseWriter, r *http.Request) {
	log := n.container(r).log
	position := 0
	if lines, err := strconv.Atoi(r.FormValue("tailLines")); err == nil {
		position = log.lastLines(lines)
	}
	w.Header().Set("Content-Type", "text/plain")
	if r.FormValue("follow") != "true" && r.FormValue("follow") != "1" {
		text, _ := log.from(position)
		_, _ = w.Write(text)
		return
	}
	defer n.streams.open("logs", r.PathValue("namespace"), r.PathValue("pod"))()
	_ = log.follow(r.Context(), position, flushingWriter{w, w.(http.Flusher)})
}

type flushingWriter struct {
	io.Writer
	http.Flusher
}

func (w flushingWriter) Write(text []byte) (int, error) {
	count, err := w.Writer.Write(text)
	w.Flush()
	return count, err
}
