package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/creack/pty"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// container is a folder of its own, and a main program that prints what it is given.
type container struct {
	directory string
	log       *outputLog
}

func newContainer(directory string) *container {
	must(os.MkdirAll(directory, 0o700))
	return &container{directory: directory, log: newOutputLog()}
}

// ExecInContainer runs a command in the container's folder; it and what it started end with the client's connection.
func (c *container) ExecInContainer(ctx context.Context, _, _, _ string, arguments []string, in io.Reader,
	out, complaints io.WriteCloser, tty bool, sizes <-chan remotecommand.TerminalSize, _ time.Duration) error {
	if len(arguments) == 0 {
		return errors.New("no command was given")
	}
	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Dir = c.directory
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.directory, "TERM=xterm"}
	// What it left behind in the background may hold its output open.
	command.WaitDelay = time.Second
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	var err error
	if tty {
		err = runInTerminal(command, in, out, sizes)
	} else {
		err = runWithPipes(command, in, out, complaints)
	}
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code := ended.ExitCode()
		if state, ok := ended.Sys().(syscall.WaitStatus); ok && state.Signaled() {
			code = 128 + int(state.Signal())
		}
		return utilexec.CodeExitError{Err: err, Code: code}
	}
	return err
}

func runWithPipes(command *exec.Cmd, in io.Reader, out, complaints io.WriteCloser) error {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Stdout, command.Stderr = writerOf(out), writerOf(complaints)
	// Wait would wait for the end of the input, which a client need not send.
	var input io.WriteCloser
	if in != nil {
		var err error
		if input, err = command.StdinPipe(); err != nil {
			return err
		}
	}
	if err := command.Start(); err != nil {
		return err
	}
	if in != nil {
		go func() {
			_, _ = io.Copy(input, in)
			_ = input.Close()
		}()
	}
	return command.Wait()
}

// writerOf keeps a missing stream from becoming a writer that is not nil.
func writerOf(stream io.WriteCloser) io.Writer {
	if stream == nil {
		return io.Discard
	}
	return stream
}

func runInTerminal(command *exec.Cmd, in io.Reader, out io.Writer, sizes <-chan remotecommand.TerminalSize) error {
	// A session of its own, which is a process group too.
	terminal, err := pty.Start(command)
	if err != nil {
		return err
	}
	defer terminal.Close()
	go func() {
		for size := range sizes {
			_ = pty.Setsize(terminal, &pty.Winsize{Cols: size.Width, Rows: size.Height})
		}
	}()
	if in != nil {
		go func() { _, _ = io.Copy(terminal, in) }()
	}
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		// Ends with an error when the last program has left the terminal.
		_, _ = io.Copy(out, terminal)
	}()
	err = command.Wait()
	select {
	case <-printed:
	case <-time.After(command.WaitDelay):
	}
	return err
}

// AttachContainer shows what the main program prints from now on and gives it the input, at whose end it ends.
func (c *container) AttachContainer(ctx context.Context, _, _, _ string, in io.Reader, out, _ io.WriteCloser,
	_ bool, _ <-chan remotecommand.TerminalSize) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	start := c.log.end()
	if in != nil {
		go func() {
			defer leave()
			_, _ = io.Copy(c.log, in)
		}()
	}
	return c.log.follow(ctx, start, writerOf(out))
}
