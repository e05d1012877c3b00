// gopacket's tcpassembly on a trace: frames decoded by a DecodingLayerParser, which allocates nothing, and not copied.
// It verifies no TCP checksums, and knows directions, not connections: what it opens and closes is counted by halves.
//
//	gopacket trace=FILE [verify=on] [limit=N]
package main

import (
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/tcpassembly"
)

// What is flushed, and how often: directions in which nothing came for two minutes, every 2^20 frames.
const (
	flushEvery = 1 << 20
	flushAge   = 2 * time.Minute
)

var heard tally

type direction struct{ offset uint64 }

type directions struct{}

func (directions) New(_, _ gopacket.Flow) tcpassembly.Stream {
	heard.open()
	return &direction{}
}

func (d *direction) Reassembled(pieces []tcpassembly.Reassembly) {
	for _, piece := range pieces {
		if piece.Skip > 0 {
			heard.gaps += uint64(piece.Skip)
			d.offset += uint64(piece.Skip)
		}
		heard.hear(piece.Bytes, d.offset)
		d.offset += uint64(len(piece.Bytes))
	}
}

func (d *direction) ReassemblyComplete() { heard.close() }

// The decoder writes into these.
type decoder struct {
	parser *gopacket.DecodingLayerParser
	found  []gopacket.LayerType
	ether  layers.Ethernet
	tag    layers.Dot1Q
	ip4    layers.IPv4
	ip6    layers.IPv6
	tcp    layers.TCP
	data   gopacket.Payload
}

func newDecoder() *decoder {
	d := &decoder{}
	d.parser = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &d.ether, &d.tag, &d.ip4, &d.ip6, &d.tcp, &d.data)
	d.parser.IgnoreUnsupported = true
	return d
}

// decode says between which hosts a TCP segment is; ok is false where there is none.
func (d *decoder) decode(data []byte) (hosts gopacket.Flow, ok bool) {
	if d.parser.DecodeLayers(data, &d.found) != nil {
		return hosts, false
	}
	for _, layer := range d.found {
		switch layer {
		case layers.LayerTypeIPv4:
			hosts = d.ip4.NetworkFlow()
		case layers.LayerTypeIPv6:
			hosts = d.ip6.NetworkFlow()
		case layers.LayerTypeTCP:
			ok = true
		}
	}
	return hosts, ok
}

func main() {
	words := readWords()
	frames := openTrace(words["trace"])
	decoder := newDecoder()
	assembler := tcpassembly.NewAssembler(tcpassembly.NewStreamPool(directions{}))
	heard.begin(words["verify"] == "on")
	for i := range frames[:limited(words["limit"], len(frames))] {
		frame := &frames[i]
		if hosts, ok := decoder.decode(frame.data); ok {
			assembler.AssembleWithTimestamp(hosts, &decoder.tcp, frame.time)
		}
		heard.count(len(frame.data))
		if heard.packets%flushEvery == 0 {
			assembler.FlushOlderThan(frame.time.Add(-flushAge))
		}
	}
	heard.end()
	assembler.FlushAll()
	heard.print()
}
