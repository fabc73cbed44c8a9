"""The native side of the thread pool: the pool's shared words, and LLVM IR of the functions that use them.

One job at a time is posted, cut into blocks of items. A *ticket* says how many of its blocks are still to be
claimed; whoever lowers it by one has claimed a block. It carries the job's number too, and that is what makes
a late worker harmless: it reads the ticket, then the job's words, then lowers the ticket by compare-and-swap.
If the job's words changed in between, then so did the ticket, the swap fails, and what was read is thrown
away. tests/runtime/model holds the protocol as a model that `spin` checks in full.

Functions, all of one pool `words`:

``start(words, token, routine, args, items, blocks, scratch_bytes, quota)``
    Take the pool, post a job, help with it.
``help(words, quota)``
    Do up to ``quota`` more blocks. When none is left, wait for those that others have begun, and release the
    pool.
``walk(words, token, table, rows, scratch_bytes, wake)``
    Take the pool and do all jobs of a table, one after the other; see `ROW_WORDS`.
``walk_alone(table, rows, scratch)``
    Do all jobs of a table on the calling thread.
``finish(words, token)``
    Withdraw the job, if it is this token's, wait for what has begun, and release the pool.
``serve(words, worker)``
    A worker's turn: do blocks until nothing has come for a while.
"""

TICKET_BITS = 24
"""A ticket is (job number << 24) | blocks left: 2^40 jobs until a number comes again, 12 days at 1 µs
each, and then only a worker that was suspended for exactly as long would be fooled."""
MOST_BLOCKS = (1 << TICKET_BITS) - 1

LINE = 8
"""Words of 8 bytes in a cache line. Words that different threads write lie in different lines."""
OWNER = 0 * LINE  # token of the call that holds the pool, or 0
TICKET = 1 * LINE
DONE = 2 * LINE  # blocks finished
ASLEEP = 3 * LINE  # how many workers sleep, or are about to
STOP = 4 * LINE  # not 0: workers leave
PATIENCE = STOP + 1  # how often a worker looks in vain before it sleeps
CAPACITY = STOP + 2  # bytes of scratch of each thread
SCRATCH = STOP + 3  # address of thread 0's scratch
STRIDE = STOP + 4  # bytes from one thread's scratch to the next one's
YIELD = STOP + 5  # address of the C library's sched_yield
JOB = 5 * LINE
ROUTINE, ARGS, ITEMS, BLOCKS = JOB, JOB + 1, JOB + 2, JOB + 3
FIRST_WORKER = 6 * LINE  # one line for each worker: 1 while it sleeps

DONE_ALL, MORE, WAKE, BUSY, NO_ROOM = range(5)
"""What `start` and `help` return: the job is complete; call `help`; wake workers, then call `help`; another
call holds the pool; scratch is too small, make room and call `start` again."""

ROW_WORDS = 4
"""A row of a table of jobs: routine, arguments, items, and into how many blocks they are cut; 1 if the caller
does them alone."""

NAMES = ("start", "help", "walk", "walk_alone", "finish", "serve")

PAUSES = {
    "x86_64": "call void @llvm.x86.sse2.pause()",
    "aarch64": "call void @llvm.aarch64.isb(i32 15)",  # its own "yield" is over in one cycle
}
"""One short wait of a spinning core, by LLVM's name of the architecture: about 20 ns."""


def worker_word(worker: int) -> int:
    """Return the index of the word that says whether a worker sleeps; workers count from 1."""
    return FIRST_WORKER + (worker - 1) * LINE


def word_count(threads: int) -> int:
    """Return how many words a pool of this many threads has."""
    return FIRST_WORKER + (threads - 1) * LINE


def serve_ir(triple: str) -> str:
    """Return the LLVM IR of these functions for an LLVM target triple.

    >>> "define i64 @serve" in serve_ir("x86_64-unknown-linux-gnu")
    True
    """
    pause = PAUSES[triple.split("-")[0]]
    declaration = pause.replace("call", "declare").replace("i32 15", "i32")
    text = "\n".join((declaration, _TAKE, _WAIT, _HELP, _POST, _START, _WALK, _WALK_ALONE, _FINISH, _SERVE))
    return text.replace("PAUSE", pause).replace("MASK", str(MOST_BLOCKS))


def _words(*names: str) -> str:
    """Return IR that gives the addresses of the named words."""
    return "\n".join(
        f"  %{name.lower()}_at = getelementptr i64, ptr %words, i64 {globals()[name]}" for name in names
    )


_TAKE = f"""
; Claim one block of the job and do it. False: there is none.
define internal i1 @take(ptr %words, i64 %thread) {{
entry:
{_words("TICKET", "DONE", "SCRATCH", "STRIDE", "ROUTINE", "ARGS", "ITEMS", "BLOCKS")}
  br label %look
look:
  %ticket = load atomic i64, ptr %ticket_at acquire, align 8
  %left = and i64 %ticket, MASK
  %none = icmp eq i64 %left, 0
  br i1 %none, label %nothing, label %read
read: ; perhaps the next job's words, half written: the swap decides
  %routine = load atomic ptr, ptr %routine_at monotonic, align 8
  %args = load atomic ptr, ptr %args_at monotonic, align 8
  %items = load atomic i64, ptr %items_at monotonic, align 8
  %blocks = load atomic i64, ptr %blocks_at monotonic, align 8
  %scratch = load atomic ptr, ptr %scratch_at monotonic, align 8
  %stride = load atomic i64, ptr %stride_at monotonic, align 8
  %lower = sub i64 %ticket, 1
  %swap = cmpxchg ptr %ticket_at, i64 %ticket, i64 %lower acq_rel acquire
  %ours = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %ours, label %work, label %look
work: ; block b of B has items/B items, and one more if b < items%B
  %block = sub i64 %blocks, %left
  %share = udiv i64 %items, %blocks
  %rest = urem i64 %items, %blocks
  %even = mul i64 %block, %share
  %early = icmp ult i64 %block, %rest
  %extra = select i1 %early, i64 %block, i64 %rest
  %begin = add i64 %even, %extra
  %one = zext i1 %early to i64
  %size = add i64 %share, %one
  %end = add i64 %begin, %size
  %offset = mul i64 %thread, %stride
  %mine = getelementptr i8, ptr %scratch, i64 %offset
  call void %routine(ptr %args, i64 %begin, i64 %end, ptr %mine)
  %ignored = atomicrmw add ptr %done_at, i64 1 release
  ret i1 true
nothing:
  ret i1 false
}}"""

_WAIT = f"""
; Wait until this many blocks are finished.
define internal void @wait(ptr %words, i64 %count) {{
entry:
{_words("DONE", "YIELD")}
  %yield = load ptr, ptr %yield_at, align 8
  br label %look
look:
  %tries = phi i64 [ 0, %entry ], [ %next, %more ]
  %done = load atomic i64, ptr %done_at acquire, align 8
  %all = icmp eq i64 %done, %count
  br i1 %all, label %finished, label %rest
rest: ; after 512 looks, let others run: with more threads than CPUs a worker may be waiting for ours
  PAUSE
  %next = add i64 %tries, 1
  %soon = icmp ult i64 %next, 512
  br i1 %soon, label %more, label %give_way
give_way:
  %result = call i32 %yield()
  br label %more
more:
  br label %look
finished:
  ret void
}}"""

_HELP = f"""
; Do up to %quota blocks as thread 0; release the pool when there are no more.
define i64 @help(ptr %words, i64 %quota) {{
entry:
{_words("BLOCKS", "OWNER")}
  br label %next
next:
  %left = phi i64 [ %quota, %entry ], [ %fewer, %again ]
  %enough = icmp eq i64 %left, 0
  br i1 %enough, label %more, label %again
again:
  %fewer = sub i64 %left, 1
  %did = call i1 @take(ptr %words, i64 0)
  br i1 %did, label %next, label %none
none:
  %blocks = load i64, ptr %blocks_at, align 8
  call void @wait(ptr %words, i64 %blocks)
  store atomic i64 0, ptr %owner_at release, align 8
  ret i64 {DONE_ALL}
more:
  ret i64 {MORE}
}}"""

_POST = f"""
; Post a job. Nobody can claim blocks meanwhile: the ticket has none left.
define internal void @post(ptr %words, ptr %routine, ptr %args, i64 %items, i64 %blocks) {{
entry:
{_words("ROUTINE", "ARGS", "ITEMS", "BLOCKS", "DONE", "TICKET")}
  store atomic ptr %routine, ptr %routine_at monotonic, align 8
  store atomic ptr %args, ptr %args_at monotonic, align 8
  store atomic i64 %items, ptr %items_at monotonic, align 8
  store atomic i64 %blocks, ptr %blocks_at monotonic, align 8
  store atomic i64 0, ptr %done_at monotonic, align 8
  %old = load atomic i64, ptr %ticket_at monotonic, align 8
  %same = or i64 %old, MASK
  %number = add i64 %same, 1
  %ticket = or i64 %number, %blocks
  store atomic i64 %ticket, ptr %ticket_at seq_cst, align 8
  ret void
}}"""

_START = f"""
; Take the pool for %token (or go on, if it is held for it already), post a job and help.
define i64 @start(ptr %words, i64 %token, ptr %routine, ptr %args,
                  i64 %items, i64 %blocks, i64 %room, i64 %quota) {{
entry:
{_words("OWNER", "CAPACITY", "ASLEEP")}
  %swap = cmpxchg ptr %owner_at, i64 0, i64 %token acquire monotonic
  %free = extractvalue {{ i64, i1 }} %swap, 1
  %owner = extractvalue {{ i64, i1 }} %swap, 0
  %held = icmp eq i64 %owner, %token
  %ours = or i1 %free, %held
  br i1 %ours, label %measure, label %busy
busy:
  ret i64 {BUSY}
measure:
  %capacity = load i64, ptr %capacity_at, align 8
  %small = icmp ult i64 %capacity, %room
  br i1 %small, label %no_room, label %post
no_room:
  ret i64 {NO_ROOM}
post:
  call void @post(ptr %words, ptr %routine, ptr %args, i64 %items, i64 %blocks)
  %asleep = load atomic i64, ptr %asleep_at seq_cst, align 8
  %awake = icmp eq i64 %asleep, 0
  br i1 %awake, label %work, label %wake
wake:
  ret i64 {WAKE}
work:
  %state = call i64 @help(ptr %words, i64 %quota)
  ret i64 %state
}}"""

_ROW = f"""
  %place = mul i64 %row, {ROW_WORDS}
  %routine_in = getelementptr i64, ptr %table, i64 %place
  %args_in = getelementptr i64, ptr %routine_in, i64 1
  %items_in = getelementptr i64, ptr %routine_in, i64 2
  %routine = load ptr, ptr %routine_in, align 8
  %args = load ptr, ptr %args_in, align 8
  %items = load i64, ptr %items_in, align 8"""

_WALK = f"""
; Take the pool for %token (or go on, if it is held for it already) and do the jobs of a table.
define i64 @walk(ptr %words, i64 %token, ptr %table, i64 %rows, i64 %room, i64 %wake) {{
entry:
{_words("OWNER", "CAPACITY", "ASLEEP", "SCRATCH")}
  %swap = cmpxchg ptr %owner_at, i64 0, i64 %token acquire monotonic
  %free = extractvalue {{ i64, i1 }} %swap, 1
  %owner = extractvalue {{ i64, i1 }} %swap, 0
  %held = icmp eq i64 %owner, %token
  %ours = or i1 %free, %held
  br i1 %ours, label %measure, label %busy
busy:
  ret i64 {BUSY}
measure:
  %capacity = load i64, ptr %capacity_at, align 8
  %small = icmp ult i64 %capacity, %room
  br i1 %small, label %no_room, label %look
no_room:
  ret i64 {NO_ROOM}
look:
  %asleep = load atomic i64, ptr %asleep_at seq_cst, align 8
  %some = icmp ne i64 %asleep, 0
  %may = icmp ne i64 %wake, 0
  %both = and i1 %some, %may
  br i1 %both, label %call, label %begin
call:
  ret i64 {WAKE}
begin:
  %scratch = load ptr, ptr %scratch_at, align 8
  br label %next
next:
  %row = phi i64 [ 0, %begin ], [ %after, %step ]
  %over = icmp uge i64 %row, %rows
  br i1 %over, label %release, label %one
one:{_ROW}
  %blocks_in = getelementptr i64, ptr %routine_in, i64 3
  %blocks = load i64, ptr %blocks_in, align 8
  %alone = icmp eq i64 %blocks, 1
  br i1 %alone, label %by_itself, label %together
by_itself:
  call void %routine(ptr %args, i64 0, i64 %items, ptr %scratch)
  br label %step
together:
  call void @post(ptr %words, ptr %routine, ptr %args, i64 %items, i64 %blocks)
  br label %take
take:
  %did = call i1 @take(ptr %words, i64 0)
  br i1 %did, label %take, label %none
none:
  call void @wait(ptr %words, i64 %blocks)
  br label %step
step:
  %after = add i64 %row, 1
  br label %next
release:
  store atomic i64 0, ptr %owner_at release, align 8
  ret i64 {DONE_ALL}
}}"""

_WALK_ALONE = f"""
; Do the jobs of a table without the pool.
define void @walk_alone(ptr %table, i64 %rows, ptr %scratch) {{
entry:
  br label %next
next:
  %row = phi i64 [ 0, %entry ], [ %after, %one ]
  %over = icmp uge i64 %row, %rows
  br i1 %over, label %end, label %one
one:{_ROW}
  call void %routine(ptr %args, i64 0, i64 %items, ptr %scratch)
  %after = add i64 %row, 1
  br label %next
end:
  ret void
}}"""

_FINISH = f"""
; Withdraw what is left of the job of %token, wait for what has begun, release the pool.
define void @finish(ptr %words, i64 %token) {{
entry:
{_words("OWNER", "TICKET", "BLOCKS")}
  %owner = load atomic i64, ptr %owner_at monotonic, align 8
  %ours = icmp eq i64 %owner, %token
  br i1 %ours, label %close, label %leave
close:
  %ticket = atomicrmw and ptr %ticket_at, i64 xor (i64 MASK, i64 -1) acq_rel
  %unclaimed = and i64 %ticket, MASK
  %blocks = load i64, ptr %blocks_at, align 8
  %begun = sub i64 %blocks, %unclaimed
  store atomic i64 %begun, ptr %blocks_at monotonic, align 8
  call void @wait(ptr %words, i64 %begun)
  store atomic i64 0, ptr %owner_at release, align 8
  br label %leave
leave:
  ret void
}}"""

_SERVE = f"""
; A worker's turn: 0 if nothing came for a while (it is counted as asleep then), 1 if it is to leave for good.
define i64 @serve(ptr %words, i64 %worker) {{
entry:
{_words("TICKET", "ASLEEP", "STOP", "PATIENCE", "FIRST_WORKER")}
  %before = sub i64 %worker, 1
  %distance = mul i64 %before, {LINE}
  %mine_at = getelementptr i64, ptr %first_worker_at, i64 %distance
  %slept = atomicrmw xchg ptr %mine_at, i64 0 monotonic
  %woken = atomicrmw sub ptr %asleep_at, i64 %slept monotonic
  br label %look
look:
  %tries = phi i64 [ 0, %entry ], [ 0, %look ], [ %next, %idle ], [ 0, %stay ]
  %did = call i1 @take(ptr %words, i64 %worker)
  br i1 %did, label %look, label %check
check:
  %stop = load atomic i64, ptr %stop_at monotonic, align 8
  %go = icmp ne i64 %stop, 0
  br i1 %go, label %leave, label %rest
rest:
  PAUSE
  %next = add i64 %tries, 1
  %patience = load atomic i64, ptr %patience_at monotonic, align 8
  %bored = icmp uge i64 %next, %patience
  br i1 %bored, label %doze, label %idle
idle:
  br label %look
doze: ; say so first, then look once more: whoever posts does it the other way round
  store atomic i64 1, ptr %mine_at monotonic, align 8
  %others = atomicrmw add ptr %asleep_at, i64 1 seq_cst
  %ticket = load atomic i64, ptr %ticket_at seq_cst, align 8
  %left = and i64 %ticket, MASK
  %quiet = icmp eq i64 %left, 0
  br i1 %quiet, label %sleep, label %stay
stay:
  %undo = atomicrmw xchg ptr %mine_at, i64 0 monotonic
  %fewer = atomicrmw sub ptr %asleep_at, i64 %undo monotonic
  br label %look
sleep:
  ret i64 0
leave:
  ret i64 1
}}"""
