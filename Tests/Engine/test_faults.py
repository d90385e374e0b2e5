# SPDX-License-Identifier: Apache-2.0
"""plugind dies, or a step of it fails, at every point where it changes the host or the store, in every call of a
container's life. Whatever the point: afterwards a call was carried out or it was not, wholly, and the host, the store
and the answers agree on which. In the end nothing is left. The calls that are about the container's link are played
with one that the engine moves, and with one that is made in the sandbox."""

import contextlib
import errno
import functools
import json
import os
import queue
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import faults
from conftest import FAULTS, PLAYS_ALL, SEED, TALLY
from engine import output
from faults import Died, Host, Point
from lab import wait_until
from life import CALLS, Life, Step

# An address that is named by nobody, and a pool likewise, is another one each time.
GIVES_ANOTHER = {"RequestAddress 4", "RequestAddress 6", "RequestPool chosen"}
# What stays if plugind dies when the call was carried out and not answered, or before it was begun: the engine never
# calls for it again. Pools that are named come back with the next network that names them; the rest is for the garbage
# collector or a person.
ORPHANS = {
    "RequestPool 4": "pool", "RequestPool 6": "pool", "RequestPool chosen": "pool", "CreateNetwork": "network",
    "ReleasePool 4": "pool", "ReleasePool 6": "pool", "ReleasePool chosen": "pool", "DeleteNetwork": "network"}
# The first chosen pool of IPv6 stores the block that it is from.
NEEDS_NEW_STATE = {"RequestPool chosen"}
TABLES_OF_DRIVER = ("network", "endpoint")
# Those that do other things if the link is made in its sandbox.
CALLS_OF_LINKS = ("CreateEndpoint", "Join", "Leave", "DeleteEndpoint")
# A network can do without the engine's leave for a while, and a published port with flows that began before: such a
# failure is not the call's. Nor is one to take rules back: until that is made good, the port is held. Nor one to take a
# link out of a sandbox that is left.
NOT_THE_CALLS = {
    *((name, point) for name in ("CreateNetwork", "DeleteNetwork") for point in ("nft: rules", "nft: acceptAtEngine")),
    ("Program", "netlink: forgetFlows"), ("Revoke", "netlink: forgetFlows"), ("Revoke", "nft: change"),
    ("Leave", "netlink: retire")}
# What is done after the answer: links that are out of use go together, and with them the rows of their endpoints.
AFTER_THE_ANSWER = {
    ("Leave", "netlink: deleteLinks"), ("DeleteEndpoint", "netlink: deleteLinks"),
    ("DeleteEndpoint", "store: delete endpoint")}

KERNEL_CODES = [errno.ENOSPC, errno.EBUSY, errno.EPERM, errno.ENOBUFS]
# Where not all are played: no room, and no right to enter a sandbox. The others are other words for the first.
TELLING_CODES = {errno.ENOSPC, errno.EPERM}
SQLITE_FULL, SQLITE_IOERR = 13, 10
SQLITE_CODES = [SQLITE_FULL, SQLITE_IOERR]
SQLITE_WORDS = {SQLITE_FULL: "full", SQLITE_IOERR: "I/O"}

CONTINUATIONS = ["the call again", "the engine gives up", "the engine gives up, plugind is killed"]

# Upkeep tries again after a second, then less and less often.
UPKEEP = 10

WORKERS = 2 * os.cpu_count()

each_call = pytest.mark.parametrize(
    "reference, name",
    [("move", name) for name in CALLS] + [("direct", name) for name in CALLS_OF_LINKS], indirect=["reference"])
# What cleans up, and what puts a link back, is the same in both ways.
each_moved_call = pytest.mark.parametrize("reference, name", [("move", name) for name in CALLS], indirect=["reference"])
moved = pytest.mark.parametrize("reference", ["move"], indirect=True)


class Reference:
    """A life without faults: its points, answers and what there was before and after each call."""

    def __init__(self, host, attach="move"):
        self.attach = attach
        self.start = host.look()
        self.points, self.before, self.after, self.answers = {}, {}, {}, {}
        life, view = self.life(host), self.start
        for step in life.steps():
            host.clear_trace()
            answer = life.take(step)
            host.settle()
            if step.call:
                self.points[step.name] = host.trace()
                self.answers[step.name] = answer
                self.before[step.name] = view
            view = host.look()
            if step.call:
                self.after[step.name] = view
        self.end = view

    def life(self, host, number=1):
        """Another one like this. The trace begins with it."""
        host.clear_trace()
        return Life(host, number, self.attach)

    def done(self, name):
        """What there may be after a call. A start that finds no link in a sandbox that is alive puts it back with its
        routes, also if nobody had come to make it."""
        is_entry = (self.attach, name) == ("direct", "Join")
        return [self.after[name], *([self.before["Program"]] if is_entry else [])]

    def kills(self, name):
        return [point for point in self.points[name] if point.name != faults.LISTING]

    def errors(self, name):
        """Each point of a call with each code that it can fail with, and what comes then: everything after the first
        code, and after the others, which are other words for the same, one thing after the other."""
        for point in self.points[name]:
            area = point.name.split(":")[0]
            if (name, point.name) in NOT_THE_CALLS:
                if point.side == "before":
                    yield from ((point, code, "nothing comes of it") for code in KERNEL_CODES)
                continue
            if (name, point.name) in AFTER_THE_ANSWER:
                codes = SQLITE_CODES if area == "store" else KERNEL_CODES
                yield from ((point, code, "nothing comes of it") for code in codes if point.side == "before")
                if point.side == "before" or area == "netlink":
                    yield point, codes[-1], "plugind is killed"
                continue
            if point.side == "after":
                # The kernel has done it, and its acknowledgement found no room.
                codes = [errno.ENOBUFS] if area == "netlink" else []
            else:
                codes = SQLITE_CODES if area == "store" else KERNEL_CODES
            for number, code in enumerate(codes):
                if codes is KERNEL_CODES and code not in TELLING_CODES and not PLAYS_ALL:
                    continue
                yield from ((point, code, continuation) for continuation in (
                    CONTINUATIONS if number == 0 else CONTINUATIONS[number % 3:][:1]))


@pytest.fixture(scope="module")
def hosts():
    """Two for each processor: they wait half of the time."""
    if not os.access(faults.FAULTY, os.X_OK):
        pytest.fail(f"{faults.FAULTY} is not there; build it (swift build) or set PLUGIND_FAULT_BINARY")
    hosts = queue.SimpleQueue()
    for _ in range(WORKERS):
        hosts.put(Host())
    yield hosts
    for _ in range(WORKERS):
        hosts.get().close()


@functools.cache
def reference_of(attach):
    with contextlib.closing(Host()) as host:
        reference = Reference(host, attach)
    assert reference.end == reference.start, reference.end.difference(reference.start)
    names = {point.name for points in reference.points.values() for point in points}
    FAULTS["points"] |= names
    TALLY[f"fault points in the calls of a life, attach={reference.attach}"] = len(names)
    TALLY[f"of these, reached by calls (call and time), attach={reference.attach}"] = sum(
        point.side == "before" for points in reference.points.values() for point in points)
    return reference


@pytest.fixture
def reference(request):
    return reference_of(request.param)


def each(hosts, cases, run, tally, needs_new_state=False, are_combinations=True):
    """Runs each case on a host that is free, and fails with all that have failed."""

    def on_a_host(case):
        host = hosts.get()
        try:
            if needs_new_state:
                host = replaced(host)
            run(host, *case)
        except Exception as error:
            words = f"{', '.join(map(str, case))}: {error or repr(error)}\n{host.plugind.last_lines(6)}"
            host = replaced(host)
            return words
        else:
            return None
        finally:
            hosts.put(host)

    with ThreadPoolExecutor(WORKERS) as pool:
        results = list(pool.map(on_a_host, share(list(cases))))
    failures = [result for result in results if result]
    TALLY[tally] += len(results) - len(failures)
    if failures:
        TALLY[f"{tally}: FAILED"] += len(failures)
        FAULTS["failed"] += len(failures)
    if are_combinations:
        FAULTS["combinations"] += len(results)
    assert not failures, f"{len(failures)} of {len(results)} failed\n\n" + "\n\n".join(failures)


def share(cases):
    """Half of them, and in another run the other half."""
    return cases if PLAYS_ALL or len(cases) < 2 else cases[SEED % 2::2]


def replaced(host):
    host.close()
    return Host()


# What is held against what


def wait_for(host, *views, deadline=5):
    """Waits until the host and the store are as in one of the views; that one."""
    end = time.monotonic() + deadline
    while True:
        look = host.look()
        for view in views:
            if look == view:
                return view
        if time.monotonic() > end:
            differences = sorted((look.difference(view) for view in views), key=len)
            raise AssertionError("the host and the store are in no state that there should be:\n" + differences[0])
        time.sleep(0.05)


def check_model(host):
    """What plugind has in memory is what is stored and what is there: a look at everything finds nothing to do."""
    wait_until(lambda: not host.unfinished(), "nothing to be made or deleted any more")
    found = host.reconcile()
    expected = {"mended": "0", "left": "0", **{f"{table}s": str(len(host.keys(table))) for table in TABLES_OF_DRIVER}}
    assert {key: found[key] for key in expected} == expected, f"a reconciliation found {found}"


def end_with_nothing(host, reference):
    wait_for(host, reference.start, deadline=UPKEEP)


def release_chosen_pools(host):
    """As the garbage collector or a person would, for the engine does not know of them."""
    for pool in host.keys("pool"):
        assert "/fd" in pool and "fd77:77:" not in pool, f"pool {pool} is left"
        host.call("/IpamDriver.ReleasePool", {"PoolID": pool})


def go_on(host, life, step, reference, happened):
    """The call again, and the rest of the life."""
    answer = life.take(step)
    if step.name not in GIVES_ANOTHER:
        assert answer == reference.answers[step.name], "the call is answered otherwise than the first time"
        wait_for(host, *reference.done(step.name))
    elif happened:
        assert answer != reference.answers[step.name], "what may have been given is given again"
    check_model(host)
    live_on(host, life, step.name, reference)


def live_on(host, life, name, reference):
    """The rest of the life after a call."""
    for following in life.after(name):
        life.take(following)
    release_chosen_pools(host)
    end_with_nothing(host, reference)


def give_up(host, life, name):
    """The engine's calls after a failure; then nothing may be left but what the engine can call for no more."""
    life.give_up(name)
    orphans = find_orphans(host)
    for table, keys in orphans.items():
        assert not keys or ORPHANS.get(name) == table, f"{table} {keys} is left after a failed {name}"
    return orphans


def find_orphans(host):
    """What the store has once nothing is being made or deleted any more: a busy machine's start may answer before."""
    end = time.monotonic() + UPKEEP
    while host.unfinished() and time.monotonic() < end:
        time.sleep(0.05)
    return {table: host.keys(table) for table in ("network", "endpoint", "pool")}


def start_anew(host, reference, orphans=()):
    """The user repeats what failed. A network that nobody knows of is in the way, and says so."""
    life = reference.life(host, 2)
    if orphans and orphans["network"]:
        step = life.until("CreateNetwork")
        status, answer = step.call()
        assert status == 409 and "overlaps" in answer["Err"], answer
        assert host.call("/NetworkDriver.DeleteNetwork", {"NetworkID": orphans["network"][0]})[0] == 200
        for following in (step, *life.after("CreateNetwork")):
            life.take(following)
        TALLY["orphaned networks, removed by hand"] += 1
    else:
        for step in life.steps():
            life.take(step)
    release_chosen_pools(host)
    end_with_nothing(host, reference)


# Dying


def die(host, name, point, reference):
    """A life up to a call, and in it or after its answer plugind's death at a point; whether it was answered."""
    life = reference.life(host)
    step = life.until(name)
    host.settle()
    host.order("kill", point)
    try:
        status, answer = step.call()
        assert status == 200, answer
        assert (name, point.name) in AFTER_THE_ANSWER, "the point was not reached"
        host.wait_for_death()
        return life, step, True
    except Died:
        assert host.is_carried_out(), f"plugind has ended by itself:\n{host.plugind.last_lines()}"
        return life, step, False
    finally:
        host.forget_order()


def decide(host, name, reference, was_answered):
    """Whether a call was carried out, once plugind runs again. One that was answered was."""
    done = reference.done(name)
    return wait_for(host, *([] if was_answered else [reference.before[name]]), *done) in done


@each_call
def test_a_death_at_any_point_leaves_a_call_done_or_undone(hosts, reference, name):
    def run(host, point, continuation):
        life, step, was_answered = die(host, name, point, reference)
        host.start()
        happened = decide(host, name, reference, was_answered)
        if continuation == "the call again":
            go_on(host, life, step, reference, happened)
        elif was_answered:
            live_on(host, life, name, reference)
        else:
            # The engine repeats a call whose connection broke, but without its body.
            status, answer = host.call(host.last_path, None)
            assert status == 400 and answer["Err"], answer
            start_anew(host, reference, give_up(host, life, name))

    cases = [(point, continuation) for point in reference.kills(name)
             for continuation in ("the call again", "the engine gives up")]
    each(hosts, cases, run, "deaths (call × point × side × continuation)", name in NEEDS_NEW_STATE)


@each_moved_call
def test_a_death_while_the_last_one_is_cleaned_up_changes_nothing(hosts, reference, name):
    def find(host, point):
        life, step, was_answered = die(host, name, point, reference)
        host.clear_trace()
        host.start()
        happened = decide(host, name, reference, was_answered)
        host.settle()
        seconds.extend((point, second) for second in host.trace() if second.name != faults.LISTING)
        go_on(host, life, step, reference, happened)

    def run(host, first, second):
        life, step, was_answered = die(host, name, first, reference)
        host.order("kill", second)
        host.start_and_die()
        host.start()
        go_on(host, life, step, reference, decide(host, name, reference, was_answered))

    seconds = []
    each(hosts, [(point,) for point in reference.kills(name)], find, "starts after a death, searched for points",
         name in NEEDS_NEW_STATE, are_combinations=False)
    FAULTS["points"] |= {second.name for _, second in seconds}
    pairs = sorted(seconds if PLAYS_ALL else once(seconds))
    each(hosts, pairs, run, "deaths at start after a death", name in NEEDS_NEW_STATE)


def once(pairs):
    """One pair for each second point, where all are five times as many."""
    return {second: (first, second) for first, second in pairs}.values()


# Failing


def fail(host, name, point, code, reference):
    """A life up to a call, and in that call the failure of a point."""
    life = reference.life(host)
    step = life.until(name)
    host.settle()
    log = host.plugind.log.stat().st_size
    host.order(code, point)
    try:
        status, answer = step.call()
        if (name, point.name) in AFTER_THE_ANSWER:
            wait_until(host.is_carried_out, "plugind to come to the point where it is to fail")
        assert host.is_carried_out(), "the point was not reached"
    finally:
        host.forget_order()
    if (name, point.name) in NOT_THE_CALLS | AFTER_THE_ANSWER:
        assert status == 200, answer
        wait_until(lambda: warnings_since(host, log), "plugind to tell of the failure")
        warnings = warnings_since(host, log)
        assert len(warnings) == 1 and words_of(point, code) in warnings[0], warnings
        return life, step, True
    if is_refused_entry(reference, name, point, code):
        assert status == 200 and life.link, answer
        return life, step, True
    assert status in (409, 500), f"{status} {answer}"
    check_words(answer["Err"], point, code)
    if not name.startswith(("Leave", "Delete", "Release")):
        wait_for(host, reference.before[name], deadline=UPKEEP)
    return life, step, False


def is_refused_entry(reference, name, point, code):
    """Whether it looks as if plugind may not enter the sandbox: then the engine is left to move the link."""
    return (reference.attach, name, code) == ("direct", "Join", errno.EPERM) and not point.name.startswith("store:")


def warnings_since(host, log):
    return [line for line in host.log_since(log) if (" WARNING " in line or " ERROR " in line) and "error=" in line]


def words_of(point, code):
    return SQLITE_WORDS[code] if point.name.startswith("store:") else os.strerror(code)


def check_words(words, point, code):
    """A failure names what was to be done and why it was not."""
    reason = words_of(point, code)
    assert words.startswith("cannot ") and reason in words, f"‘{words}’ does not say ‘{reason}’"
    assert "internal error" not in words


@each_call
def test_a_failure_at_any_point_is_told_and_leaves_nothing(hosts, reference, name):
    def run(host, point, code, continuation):
        life, step, is_success = fail(host, name, point, code, reference)
        if is_success:
            if continuation == "plugind is killed":
                host.plugind.kill_and_start()
            if (name, point.name) in AFTER_THE_ANSWER:
                wait_for(host, reference.after[name], deadline=UPKEEP)
            for following in life.after(name):
                life.take(following)
                if following.name == "Join":
                    # By then the rule is there.
                    wait_for(host, reference.after["Join"])
            release_chosen_pools(host)
            end_with_nothing(host, reference)
        elif continuation == "the call again":
            go_on(host, life, step, reference, happened=False)
        elif continuation == "the engine gives up":
            life.give_up(name)
            end_with_nothing(host, reference)
            check_model(host)
            start_anew(host, reference)
        else:
            life.give_up(name)
            host.plugind.kill_and_start()
            start_anew(host, reference, find_orphans(host))
        check_model(host)

    each(hosts, reference.errors(name), run, "failures (call × point × code × continuation)", name in NEEDS_NEW_STATE)


@each_moved_call
def test_nothing_is_left_once_a_long_failure_has_passed(hosts, reference, name):
    """Everything of one kind fails, from the call on and through all that the engine calls then: a full disk, say."""

    def run(host, area, code):
        life = reference.life(host)
        step = life.until(name)
        host.settle()
        host.order(code, Point("before", f"{area}: *", "*"))
        try:
            status, answer = step.call()
            is_failure = any((name, point.name) not in NOT_THE_CALLS | AFTER_THE_ANSWER
                             and point.name.startswith(f"{area}:") for point in reference.points[name])
            assert (status != 200) == is_failure, answer
            life.give_up(name)
        finally:
            host.forget_order()
        end_with_nothing(host, reference)
        check_model(host)
        start_anew(host, reference)

    areas = sorted({point.name.split(":")[0] for point in reference.points[name]})
    cases = [(area, {"store": SQLITE_FULL, "nft": errno.EPERM}.get(area, errno.ENOBUFS)) for area in areas]
    each(hosts, cases, run, "long failures (call × kind)")


# Putting back


def lose_the_links(host, reference):
    """A life up to the middle, and then, while plugind is not there, somebody deletes its links."""
    life = reference.life(host)
    life.until("Revoke")
    host.plugind.kill()
    for link in (f"br-{life.network[:12]}", f"pdh{life.endpoint[:12]}"):
        output(*host.network.enter, "ip", "link", "delete", link)
    return life


def finish(host, life, reference):
    """Everything is as it was before the links were lost, and the life goes on to its end."""
    wait_for(host, reference.before["Revoke"], deadline=UPKEEP)
    life.take(Step("Revoke", life.revoke))
    live_on(host, life, "Revoke", reference)


@pytest.fixture(scope="module")
def repairs(hosts):
    """The points that a start reaches when it has to put back a bridge and the port of a sandbox that is alive."""
    host, reference = hosts.get(), reference_of("move")
    try:
        life = lose_the_links(host, reference)
        host.clear_trace()
        host.start()
        host.settle()
        points = host.trace()
        finish(host, life, reference)
    finally:
        hosts.put(host)
    FAULTS["points"] |= {point.name for point in points}
    TALLY[f"points at a start that puts links back, attach={reference.attach}"] = sum(
        point.side == "before" for point in points)
    return points


@moved
def test_a_death_while_links_are_put_back_changes_nothing(hosts, reference, repairs):
    def run(host, point):
        life = lose_the_links(host, reference)
        host.order("kill", point)
        host.start_and_die()
        host.start()
        finish(host, life, reference)

    each(hosts, [(point,) for point in repairs if point.name != faults.LISTING], run, "deaths while links are put back")


@moved
def test_a_failure_while_links_are_put_back_is_made_good(hosts, reference, repairs):
    def run(host, point, code):
        life = lose_the_links(host, reference)
        host.order(code, point)
        host.start()
        assert host.is_carried_out(), "the point was not reached"
        finish(host, life, reference)

    cases = [(point, errno.EBUSY) for point in repairs if point.side == "before"]
    each(hosts, cases, run, "failures while links are put back")


# A host that is no router


@pytest.fixture(scope="module")
def no_router():
    """A life on a host that forwards nothing. In the end it forwards, for networks only, and that is all that stays."""
    with contextlib.closing(Host(faults.NO_ROUTER)) as host:
        reference = Reference(host)
    points = reference.points["CreateNetwork"]
    FAULTS["points"] |= {point.name for point in points}
    assert not reference.end.stored
    assert not forwards(reference.start) and not guards(reference.start)
    assert forwards(reference.end) == guards(reference.end) == {"ipv4", "ipv6"}
    settings = re.compile("sysctl (ipv4/ip_forward|ipv[46]/conf/[^/]*/(forwarding|accept_ra)):")
    others = [line for line in reference.end.host - reference.start.host
              if '"plugind"' not in line and not settings.match(line)]
    assert not others, others
    return reference


def forwards(view):
    """The families that the host forwards."""
    switches = {"ipv4": "sysctl ipv4/ip_forward:1", "ipv6": "sysctl ipv6/conf/all/forwarding:1"}
    return {family for family, line in switches.items() if line in view.host}


def guards(view):
    """The families that are not forwarded but for networks."""
    elements = [json.loads(line.partition(" ")[2])["map"].get("elem", []) for line in view.host
                if line.startswith('nft {"map"') and '"name": "guard"' in line]
    return {family for part in elements for family, verdict in part if verdict == {"goto": {"target": "guarded"}}}


def test_a_host_that_was_no_router_is_none_for_others_whatever_happens(no_router):
    """Deaths and failures at each point of the call that makes it a router, each on a host of its own."""

    def run(action, point):
        with contextlib.closing(Host(faults.NO_ROUTER)) as host:
            life = no_router.life(host)
            step = life.until("CreateNetwork")
            host.order(action, point)
            with contextlib.suppress(Died):
                step.call()
            assert host.is_carried_out(), "the point was not reached"
            now = host.look()
            assert forwards(now) <= guards(now), f"{action} {point}: forwards {forwards(now)}, guards {guards(now)}"
            if action == "kill":
                host.start()
            for following in (step, *life.after("CreateNetwork")):
                life.take(following)
            release_chosen_pools(host)
            wait_for(host, no_router.end, deadline=UPKEEP)
            host.plugind.kill_and_start()
            wait_for(host, no_router.end)

    points = no_router.kills("CreateNetwork")
    cases = [("kill", point) for point in points]
    cases += [(SQLITE_FULL if point.name.startswith("store:") else errno.EPERM, point)
              for point in points if point.side == "before"]
    cases = share(cases)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda case: run(*case), cases))
    TALLY["deaths and failures on a host that was no router"] += len(cases)
    FAULTS["combinations"] += len(cases)
