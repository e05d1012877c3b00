"""Turns what was measured into lines of Markdown."""
from statistics import median

from workloads import WORKLOADS, MEMORY, INSTRUCTIONS, THREADS


class Line:
    """A line of the table. `value` is held against bar and aim, where it has these; `more` means that more is better."""

    def __init__(self, title, value, bar, aim, detail="", peers="", behind=(), wrong="", more=False, digits=2):
        self.title, self.value, self.bar, self.aim, self.detail, self.peers = title, value, bar, aim, detail, peers
        self.behind, self.wrong, self.more, self.digits = list(behind), wrong, more, digits

    def reached(self, mark):
        return mark is None or (self.value >= mark if self.more else self.value <= mark)

    def verdict(self):
        if self.wrong:
            return "WRONG: " + self.wrong
        if self.bar is None:
            return ""
        return "aim" if self.reached(self.aim) else "bar" if self.reached(self.bar) else "below the bar"

    def markdown(self):
        value, bar, aim = ("" if x is None else f"{x:,.{self.digits if isinstance(x, float) else 0}f}"
                           for x in (self.value, self.bar, self.aim))
        return f"| {self.title} | {bar} | {aim} | **{value}** | {self.verdict()} | {self.detail} | {self.peers} |"


HEAD = ["| | bar | aim | measured | reaches | held against | peers: times tcptale |",
        "|---|---|---|---|---|---|---|"]


def ratio(times, a, b):
    """The median of the rounds' ratios, over the rounds that both ran in."""
    return median(x / y for x, y in zip(times[a], times[b]))


def faults(heard, truth):
    """What a program got wrong; an empty text for all right."""
    checks = [("bytes", heard["bytes"], truth["bytes"]), ("digest", heard["digest"], truth["digest"]),
              ("gaps", heard["gap_bytes"], truth["missed"]), ("fin", heard.get("fin", truth["fin"]), truth["fin"]),  # floors do not tell them apart
              ("rst", heard.get("rst", truth["rst"]), truth["rst"])]
    return ", ".join(f"{what} {is_} for {should}" for what, is_, should in checks if is_ != should)


def share(measured, peer, truth):
    """What a peer leaves out, as words; an empty text where it hears all."""
    percent = 100 * measured.heard[peer]["bytes"] / truth["bytes"]
    return "" if round(percent, 1) == 100 else f" ({percent:.0f} % of the bytes)"


def ratio_line(name, line, measured):
    work, times = WORKLOADS[name], measured.times
    subject = next(p for p in work.programs if p.name == line.subject)
    truth = measured.truth_of(subject, name)
    peers = {p + share(measured, p, truth): ratio(times, p, line.subject) for p in line.peers if p in times}
    return Line(f"{name} {work.title}" + (f"; {line.title}" if line.title else ""),
                ratio(times, line.subject, line.base), line.bar, line.aim,
                f"{median(times[line.subject]):.1f} ns a packet, {line.base} {median(times[line.base]):.1f}",
                ", ".join(f"{x:.1f} {p}" for p, x in peers.items()), [p for p, x in peers.items() if x <= 1],
                faults(measured.heard[line.subject], truth))


def ratio_lines(name, measured):
    return [ratio_line(name, line, measured) for line in WORKLOADS[name].lines]


def memory_line(plan, truth, heard, million):
    """`million`: what W3 heard, where it was run: the peers' memory."""
    line = MEMORY[plan]
    expected = truth["connections"] + truth["strangers"]
    wrong = "" if heard["evicted"] == 0 else f"{heard['evicted']} of {expected} evicted"
    peers = {p: h["bytes_per_conn"] for p, h in million.items() if p in ("libnids", "gopacket", "libtins")}
    peers = peers if plan == "M4" else {}
    return Line(line.title, heard["used_per_open"], line.bar, line.aim, f"{heard['open']:,} open; {heard['bytes_per_conn']:.0f} of resident memory",
                ", ".join(f"{x:,.0f} {p}" for p, x in peers.items()),
                [p for p, x in peers.items() if x <= heard["used_per_open"]], wrong, digits=0)


def instruction_line(name, counts):
    bar, aim = INSTRUCTIONS[name]
    base = next(p for p in counts if p.startswith("floor"))
    peers = {p: x for p, x in counts.items() if not p.startswith(("floor", "tcptale"))}
    return Line(f"{name} instructions per packet", counts["tcptale"], bar, aim,
                f"floor: {counts[base]:.0f}", ", ".join(f"{x:,.0f} {p}" for p, x in peers.items()),
                [p for p, x in peers.items() if x <= counts["tcptale"]], digits=0)


def threads_line(truth, told):
    name, bar, aim = THREADS
    wrong = "" if truth["bytes"] == told["bytes_one"] == told["bytes_two"] else "bytes differ"
    return Line(f"{name} two trackers in two threads against one", told["ratio"], bar, aim,
                f"one {told['ns_one']:.1f} ns a packet, two {told['ns_two']:.1f}; two threads that only read: "
                f"{told['machine']:.2f}", wrong=wrong, more=True)


def heard_table(name, measured, programs):
    """What each program heard, whether right or wrong, and what its memory was."""
    yield (f"| {name} | ns per packet, least - most | bytes % | opened | closed | gaps | digest | MiB | "
           "bytes per connection |")
    yield "|---|---|---|---|---|---|---|---|---|"
    for program in programs:
        heard, times = measured.heard[program.name], measured.times[program.name]
        truth = measured.truth_of(program, name)
        yield (f"| {program.name} | {median(times):.1f}, {min(times):.1f} - {max(times):.1f} | "
               f"{100 * heard['bytes'] / truth['bytes']:.3f} | {heard['opened']:,} | {heard['closed']:,} | "
               f"{heard['gap_bytes']:,} | {'equal' if heard['digest'] == truth['digest'] else 'differs'} | "
               f"{heard['rss_anon_kb'] / 1024:,.1f} | {heard['bytes_per_conn']:,.0f} |")


def not_first(lines):
    """On which lines a peer is ahead of the library; or that there is none."""
    behind = [(line.title, peer) for line in lines for peer in line.behind]
    for title, peer in behind:
        yield f"not first: {title}: {peer} is ahead"
    if not behind and any(line.peers for line in lines):
        yield "first: on each line that has peers"


def shortcomings(lines):
    """On which lines the library is not where it should be."""
    for line in lines:
        if line.wrong:
            yield f"wrong: {line.title}: {line.wrong}"
        elif not line.reached(line.bar):
            yield f"below the bar: {line.title}"
        elif not line.reached(line.aim):
            yield f"short of the aim: {line.title}"
