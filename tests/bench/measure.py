"""Runs the programs and keeps what they say."""
import contextlib
import json
import os
import re
import subprocess
import sys

from workloads import WORKLOADS, COUNTED

SLOW_SECONDS = 10  # a peer that takes longer is run in the first round only
SLOW_ROUNDS = 1


class Measured:
    """What came of a workload: the truth of each trace, what each program heard, nanoseconds a packet by round."""

    def __init__(self):
        self.truth, self.heard, self.times = {}, {}, {}

    def truth_of(self, program, name):
        return self.truth[program.plan or name]


class Bench:
    def __init__(self, options):
        self.options = options
        self.bin = os.path.join(options.root, options.build, "bench")

    def has(self, program):
        wanted = program.kind != "peer" or self.options.peers
        return wanted and os.path.exists(os.path.join(self.bin, program.binary))

    def programs(self, name):
        return [p for p in WORKLOADS[name].programs if self.has(p)]

    def call(self, *words, pinned=False):
        command = ["taskset", "-c", str(self.options.cpu)] if pinned else []
        command += [os.path.join(self.bin, words[0]), *words[1:]]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=self.options.timeout)
        return json.loads(done.stdout) if done.stdout else None

    @contextlib.contextmanager
    def trace(self, plan, *changes):
        """A trace in memory, and the truth about it."""
        path = os.path.join(self.options.traces, f"tcptale-bench-{os.getpid()}-{plan}.pcap")
        try:
            yield path, self.call("gen", f"plan={plan}", f"trace={path}", *changes)
        finally:
            if os.path.exists(path):
                os.unlink(path)

    def start(self, program, trace, *words):
        """One run. The Go runtime collects beside the program, so that one gets both cores."""
        self.call("warm", f"mib={program.warm}")
        return self.call(program.binary, f"trace={trace}", *program.words, *words, pinned=program.binary != "gopacket")

    def workload(self, name):
        out, programs = Measured(), self.programs(name)
        with contextlib.ExitStack() as stack:
            traces = {}
            for plan in dict.fromkeys(p.plan or name for p in programs):
                traces[plan], out.truth[plan] = stack.enter_context(self.trace(plan))
            for program in programs:
                self.say(f"{name}: {program.name}: what it hears")
                out.heard[program.name] = self.start(program, traces[program.plan or name], "verify=on")
            for number in range(self.options.rounds):
                self.round(name, number, programs, traces, out)
        return out

    def round(self, name, number, programs, traces, out):
        for program in programs:
            times = out.times.setdefault(program.name, [])
            if program.kind == "peer" and number >= SLOW_ROUNDS and out.heard[program.name]["seconds"] > SLOW_SECONDS:
                continue
            self.say(f"{name}: round {number + 1} of {self.options.rounds}: {program.name}")
            told = self.start(program, traces[program.plan or name])
            times.append(told["ns_pkt"])
            self.keep(dict(told, workload=name, program=program.name, round=number + 1))

    def memory(self, plan):
        with self.trace(plan) as (path, truth):
            million = (truth["connections"] + truth["strangers"]) * 11 // 10
            return truth, self.call("tcptale", f"trace={path}", "memory=1024", f"connections={million}")

    def threads(self, plan):
        with self.trace(plan) as (path, truth):
            # A core that somebody else has for a moment is half of what is measured: more rounds than the others get.
            return truth, self.call("two", f"trace={path}", f"rounds={5 * self.options.rounds}")

    def count(self, program, trace, limit):
        """Instructions of a whole run that feeds the first `limit` packets."""
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                   os.path.join(self.bin, program.binary), f"trace={trace}", f"limit={limit}", *program.words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        return int(re.search(r"Collected : (\d+)", done.stderr.decode()).group(1))

    def instructions(self, name, only=None):
        """By program: instructions that 200,000 packets more cost, over 200,000; so beginnings do not count."""
        with self.trace(name, *COUNTED[name]) as (path, _):
            out = {}
            for program in self.programs(name):
                if program.binary != "gopacket" and (only is None or program.name in only):
                    self.say(f"{name}: instructions of {program.name}")
                    out[program.name] = (self.count(program, path, 300000) - self.count(program, path, 100000)) / 200000
            return out

    def keep(self, record):
        with open(os.path.join(self.bin, "rounds.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def say(self, what):
        if self.options.talk:
            print(f"\r{what:78}", end="", file=sys.stderr, flush=True)
