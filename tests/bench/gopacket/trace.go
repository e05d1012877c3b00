package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type frame struct {
	data []byte
	time time.Time
}

func fail(what ...interface{}) {
	fmt.Fprintln(os.Stderr, what...)
	os.Exit(2)
}

// readWords takes the arguments apart: key=value.
func readWords() map[string]string {
	words := map[string]string{}
	for _, arg := range os.Args[1:] {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || !strings.Contains(" trace verify limit ", " "+key+" ") {
			fail("key=value is wanted, of trace, verify, limit:", arg)
		}
		words[key] = value
	}
	return words
}

func limited(limit string, count int) int {
	n, err := strconv.Atoi(limit)
	if err != nil || n == 0 || n > count {
		return count
	}
	return n
}

// openTrace maps a classic pcap file; all frames are known before the clock starts.
func openTrace(path string) []frame {
	file, err := os.Open(path)
	if err != nil {
		fail(err)
	}
	status, _ := file.Stat()
	bytes, err := syscall.Mmap(int(file.Fd()), 0, int(status.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	if err != nil {
		fail(err)
	}
	frames := make([]frame, 0, len(bytes)/100)
	for at := 24; at+16 <= len(bytes); {
		seconds, micros := binary.LittleEndian.Uint32(bytes[at:]), binary.LittleEndian.Uint32(bytes[at+4:])
		end := at + 16 + int(binary.LittleEndian.Uint32(bytes[at+8:]))
		if end > len(bytes) {
			break
		}
		frames = append(frames, frame{bytes[at+16 : end], time.Unix(int64(seconds), int64(micros)*1000)})
		at = end
	}
	return frames
}
