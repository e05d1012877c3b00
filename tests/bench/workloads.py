"""What is measured: the workloads, the programs that run over each, and the lines of the table."""


class Program:
    """A program and its arguments. `plan`: of its trace, where that is not the workload's. `warm`: MiB it will touch."""

    def __init__(self, name, kind, binary, *words, plan=None, warm=200):
        self.name, self.kind, self.binary, self.words = name, kind, binary, words
        self.plan, self.warm = plan, warm


def floor(mode, slots, *words, name=None, **more):
    name = name or "floor " + mode + (" + checksum" if "checksum=on" in words else "")
    return Program(name, "floor", "floor", f"mode={mode}", f"slots={slots}", *words, **more)


def ours(*words, name="tcptale", **more):
    return Program(name, "ours", "tcptale", *words, **more)


def libnids(streams, *words, name="libnids", **more):
    return Program(name, "peer", "libnids", f"streams={streams}", *words, **more)


def libtins(*words, **more):
    return Program("libtins", "peer", "libtins", *words, **more)


def gopacket(**more):
    return Program("gopacket", "peer", "gopacket", **more)


class Ratio:
    """A line: the time of `subject` over that of `base` in the same round; `bar` is what it must not exceed, `aim` what
    it should not; without them it is only shown. `peers` are compared with in the same way."""

    def __init__(self, title, subject, base, bar=None, aim=None, peers=()):
        self.title, self.subject, self.base, self.bar, self.aim, self.peers = title, subject, base, bar, aim, peers


class Workload:
    def __init__(self, title, programs, lines):
        self.title, self.programs, self.lines = title, programs, lines


ALL_PEERS = ["libnids", "gopacket", "libtins"]
MILLION = ["memory=1024", "connections=1100k"]

WORKLOADS = {
    "W1": Workload("bulk: 64 flows, full segments", [
        floor("batchp", 256), ours(),
        floor("batch", 256, "checksum=on"), ours("checksum=on", name="tcptale + checksum"),
        libnids(1040), libnids(1040, "checksum=on", name="libnids + checksum"), gopacket(), libtins(),
    ], [
        Ratio("", "tcptale", "floor batchp", 3.0, 2.0, ALL_PEERS),
        Ratio("checksums verified", "tcptale + checksum", "floor batch + checksum", 1.6, 1.25, ["libnids + checksum"]),
    ]),
    "W2": Workload("small segments: 1,000 flows", [
        floor("batch", 4096), ours(),
        floor("batch", 4096, "checksum=on"), ours("checksum=on", name="tcptale + checksum"),
        libnids(4000), libnids(4000, "checksum=on", name="libnids + checksum"), gopacket(), libtins(),
    ], [
        Ratio("", "tcptale", "floor batch", 3.0, 2.0, ALL_PEERS),
        Ratio("checksums verified", "tcptale + checksum", "floor batch + checksum", 2.5, 1.7, ["libnids + checksum"]),
    ]),
    "W3": Workload("a million connections at once", [
        floor("batch", 1 << 21), ours(*MILLION, warm=1200),
        floor("table", 1 << 21), ours("batch=1", *MILLION, name="tcptale, a packet a call", warm=1200),
        ours("batch=1", "announce=10", *MILLION, name="tcptale, announced", warm=1200),
        floor("tablew", 1 << 21), floor("tableiw", 1 << 21), floor("tablehw", 1 << 21), floor("tableihw", 1 << 21),
        floor("batch", 4096, name="floor batch, 1k", plan="S1k"),
        ours(name="tcptale, 1k", plan="S1k"),
        libnids(2000000, warm=9500), gopacket(warm=3500), libtins(warm=1300),
    ], [
        Ratio("", "tcptale", "floor batch", 2.5, 1.5, ALL_PEERS),
        Ratio("a packet a call (ONE_A_CALL)", "tcptale, a packet a call", "floor table", 1.6, 1.25, ALL_PEERS),
        Ratio("a packet a call, each announced 10 before (tcptale_tracker_prefetch)", "tcptale, announced", "floor table",
              1.6, 1.25),
        Ratio("a packet a call: floor table with 240 instructions more a packet", "floor tablew", "floor table"),
        Ratio("a packet a call: floor tablew with an index", "floor tableiw", "floor table"),
        Ratio("a packet a call: the 240 before the line is needed, which was asked for", "floor tablehw", "floor table"),
        Ratio("a packet a call: floor tablehw with an index", "floor tableihw", "floor table"),
        Ratio("against the same packets of a thousand at once", "tcptale", "tcptale, 1k", 3.5, 2.0, []),
    ]),
    "W4": Workload("short connections: 500,000 of 10 packets", [
        floor("batchp", 4096), ours(), libnids(4000), gopacket(), libtins(),
    ], [Ratio("", "tcptale", "floor batchp", 3.5, 2.2, ALL_PEERS)]),
    "W5": Workload("hostile order: late, resent, overlapping", [
        floor("batchp", 4096), ours(), libnids(4000), gopacket(), libtins(),
    ], [Ratio("", "tcptale", "floor batchp", 4.0, 2.5, ALL_PEERS)]),
    "W6": Workload("SYN flood: 5 million SYNs, 50,000 real connections", [
        floor("batchi", 1 << 24, warm=700), ours(), ours("memory=32", name="tcptale, 32 MiB"),
        libnids(100000), gopacket(warm=3500), libtins(warm=4000),
    ], [
        Ratio("in 64 MiB", "tcptale", "floor batchi", 2.2, 1.0, ALL_PEERS),
        Ratio("in 32 MiB", "tcptale, 32 MiB", "floor batchi", 2.2, 1.0, []),
    ]),
    "W7": Workload("mix: IPv6, VLAN, RST, half-close, midstream, light loss", [
        floor("batchp", 8192), ours(), libnids(8000), gopacket(), libtins("partial=on"),
    ], [Ratio("", "tcptale", "floor batchp", 4.0, 2.5, ALL_PEERS)]),
}


class Memory:
    """A line: bytes of the tracker's block in use, all of them, over the connections open when most are."""

    def __init__(self, title, bar, aim):
        self.title, self.bar, self.aim = title, bar, aim


MEMORY = {
    "M4": Memory("a connection open and idle, IPv4: bytes", 256, 160),
    "M6": Memory("a connection open and idle, IPv6: bytes", 256, 192),
    "Mhalf": Memory("a connection half-open: bytes", 96, 48),
}

# The traces that valgrind is fed to count instructions: as above, but shorter.
COUNTED = {
    "W1": ["response=8M", "connections=40"],
    "W2": ["exchanges=150"],
    "W4": ["connections=31k"],
    "W5": ["connections=250"],
    "W7": ["connections=5k"],
}
INSTRUCTIONS = {"W2": (600, 400), "W4": (600, 400)}
THREADS = ("W4", 1.7, 1.9)
