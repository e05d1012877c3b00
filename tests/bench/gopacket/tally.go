package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// memoryEvery is how many packets lie between two looks at memory.
const memoryEvery = 1 << 18

// tally reports what the C programs' tally.c does; directions are counted here, and halved when printed.
type tally struct {
	packets, wire, opened, closed, now, peak uint64
	bytes, gaps, digest                      uint64
	verify                                   bool
	start                                    time.Time
	took                                     time.Duration
	closedInTime                             uint64
	kib, mostKib                             uint64
}

func anonymousKib() (kib uint64) {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "RssAnon:") {
			fmt.Sscanf(lines.Text(), "RssAnon: %d", &kib)
		}
	}
	return kib
}

func (t *tally) look() {
	if kib := anonymousKib(); kib > t.mostKib {
		t.mostKib = kib
	}
}

func (t *tally) begin(verify bool) {
	runtime.GC()
	t.verify = verify
	t.kib = anonymousKib()
	t.mostKib = t.kib
	t.start = time.Now()
}

func (t *tally) end() {
	t.took = time.Since(t.start)
	t.closedInTime = t.closed
	t.look()
}

func (t *tally) open() {
	t.opened++
	t.now++
	if t.now > t.peak {
		t.peak = t.now
	}
}

func (t *tally) close() {
	t.closed++
	t.now--
}

func (t *tally) hear(data []byte, offset uint64) {
	t.bytes += uint64(len(data))
	if !t.verify {
		return
	}
	for i, b := range data {
		t.digest += uint64(b) * uint64(uint32(offset+uint64(i)+1))
	}
}

func (t *tally) count(wire int) {
	t.packets++
	t.wire += uint64(wire)
	if t.packets%memoryEvery == 0 {
		t.look()
	}
}

func (t *tally) print() {
	seconds, peak, kib := t.took.Seconds(), t.peak/2, t.mostKib-t.kib
	perConn := 0.0
	if peak > 0 {
		perConn = float64(kib) * 1024 / float64(peak)
	}
	fmt.Printf("{\"name\":\"gopacket\",\"packets\":%d,\"ns_pkt\":%.2f,\"gbps_payload\":%.3f,\"gbps_wire\":%.3f,"+
		"\"seconds\":%.4f,\"opened\":%d,\"closed\":%d,\"peak_conns\":%d,\"bytes\":%d,\"gap_bytes\":%d,"+
		"\"digest\":\"%016x\",\"rss_anon_kb\":%d,\"bytes_per_conn\":%.1f}\n",
		t.packets, seconds*1e9/float64(t.packets), float64(t.bytes)*8e-9/seconds, float64(t.wire)*8e-9/seconds,
		seconds, t.opened/2, t.closedInTime/2, peak, t.bytes, t.gaps, t.digest, kib, perConn)
}
