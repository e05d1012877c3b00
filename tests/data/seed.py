#!/usr/bin/env python3
"""Writes seed.pcap: the eleven segments of the connection that the project began with, as the sender's side
of a virtual machine's network sees them (server frames padded to Ethernet's 60 bytes), with right checksums.
The bytes are the same on every run. Usage: seed.py > seed.pcap"""
import struct
import sys

CLIENT, SERVER = (bytes([10, 0, 2, 15]), 43830), (bytes([93, 184, 216, 34]), 80)
CLIENT_MAC, SERVER_MAC = bytes.fromhex("0800275b1c3e"), bytes.fromhex("525400123502")
CLIENT_ISN, SERVER_ISN = 3558958912, 2944001
FIN, SYN, PSH, ACK = 1, 2, 8, 16
START_US = 1469023211084213

REQUEST = b"GET / HTTP/1.1\r\nHost: example.net\r\n\r\n"


def response():
    page = b"<!doctype html>\n<html>\n<head><title>Example Domain</title></head>\n<body>\n<h1>Example Domain</h1>\n"
    line = b"<p>This page stands here so that examples have somewhere to go.</p>\n"
    tail = b"</body>\n</html>\n"
    head = (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nServer: example/1.0\r\nContent-Length: %d\r\n\r\n")
    room = 1592 - len(head % 1000) - len(page) - len(tail)
    lines = room // len(line) - 1
    rest = room - lines * len(line) - len(b"<!---->\n")
    body = page + line * lines + b"<!--" + b"-" * rest + b"-->\n" + tail
    return head % len(body) + body


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(src, dst, macs, ip_id, ttl, seq, ack, flags, window, payload):
    tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, 5 << 4, flags, window, 0, 0)
    pseudo = src[0] + dst[0] + struct.pack("!BBH", 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40 + len(payload), ip_id, 0x4000, ttl, 6, 0) + src[0] + dst[0]
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return macs + b"\x08\x00" + ip + tcp + payload


def main():
    c, s = CLIENT_ISN, SERVER_ISN
    segments = [  # microseconds after the one before, from the client, seq, ack, flags, window, payload
        (0, True, c, 0, SYN, 29200, b""),
        (21874, False, s, c + 1, SYN | ACK, 65535, b""),
        (38, True, c + 1, s + 1, ACK, 29200, b""),
        (161, True, c + 1, s + 1, PSH | ACK, 29200, REQUEST),
        (24, True, c + 38, s + 1, FIN | ACK, 29200, b""),
        (212, False, s + 1, c + 38, ACK, 65535, b""),
        (9, False, s + 1, c + 39, ACK, 65535, b""),
        (23418, False, s + 1, c + 39, PSH | ACK, 65535, response()),
        (31, True, c + 39, s + 1593, ACK, 31240, b""),
        (507, False, s + 1593, c + 39, FIN | ACK, 65535, b""),
        (29, True, c + 39, s + 1594, ACK, 31240, b""),
    ]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    now = START_US
    for number, (after, client, seq, ack, flags, window, payload) in enumerate(segments):
        now += after
        if client:
            data = frame(CLIENT, SERVER, SERVER_MAC + CLIENT_MAC, 0x3A10 + number, 64, seq, ack, flags, window, payload)
        else:
            data = frame(SERVER, CLIENT, CLIENT_MAC + SERVER_MAC, 0x0100 + number, 64, seq, ack, flags, window, payload)
            data += b"\0" * (60 - len(data))
        out.append(struct.pack("<IIII", now // 1000000, now % 1000000, len(data), len(data)) + data)
    sys.stdout.buffer.write(b"".join(out))


main()
