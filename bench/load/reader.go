package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// A reader reads large answers in a process of its own: their decryption must not hold up those whose waits are measured.
type reader struct {
	command *exec.Cmd
	input   io.WriteCloser
	lines   *bufio.Scanner
}

func (r *runner) startReader(s step) (*reader, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, append(r.identity, "-read", s.Path, "-accept", s.Accept, "-gzip="+strconv.FormatBool(s.Gzip))...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &reader{command, input, bufio.NewScanner(output)}, command.Start()
}

// read reads once and gives the bytes.
func (r *reader) read() (int, error) {
	if _, err := fmt.Fprintln(r.input); err != nil {
		return 0, err
	}
	if !r.lines.Scan() {
		return 0, fmt.Errorf("the reader ended: %v", r.lines.Err())
	}
	return strconv.Atoi(strings.TrimSpace(r.lines.Text()))
}

func (r *reader) end() {
	r.input.Close()
	if err := r.command.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "load: the reader:", err)
	}
}

// readOnCommand is that process: for each line of its input it reads path to its end and prints the bytes.
func readOnCommand(c *client, path string) error {
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		size, err := c.readAll(path)
		if err != nil {
			return err
		}
		if _, err := fmt.Println(size); err != nil {
			return err
		}
	}
	return commands.Err()
}
