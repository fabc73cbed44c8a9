/* The thread pool's protocol (src/convolve/runtime/serve.py and pool.py): one caller, workers that come late or
 * sleep, jobs that are completed or withdrawn. Every order of every step is tried; memory is sequentially
 * consistent here, and the emitted code's acquire, release and seq_cst marks are what makes it so.
 *
 * Shown: a claimed block belongs to the job whose words were read; each block is done once; no worker touches a
 * job that its caller has left; a worker that went to sleep before a job was posted is woken; nothing hangs.
 *
 * Each of -DNO_NUMBER, -DNO_WAIT and -DNO_SECOND_LOOK takes one precaution away, and then a proof must fail.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef JOBS
#define JOBS 2
#endif
#ifndef MOST
#define MOST 2                            /* blocks of a job, at most */
#endif

byte number, left;                        /* the ticket: always read and swapped as one */
byte routine, blocks;                     /* the job's words */
byte finished, asleep;
bool flag[WORKERS];                       /* the worker's word: it sleeps */
bool token[WORKERS];                      /* its lock is open */
bool gone[WORKERS];                       /* it has decided to wait for its lock ... */
byte gone_at[WORKERS];                    /* ... when this was the last job posted */
byte ran[(JOBS + 1) * MOST];               /* by job * MOST + block */
bool returned[JOBS + 1];                  /* by job: its arrays may be freed */
bool stop;

#ifdef NO_NUMBER
#define SAME (left == seen_left)
#else
#define SAME (left == seen_left && number == seen_number)
#endif

/* What was read is thrown away: fewer states, and nothing can use it later. */
#define FORGET d_step { seen_left = 0; read_routine = 0; read_blocks = 0; swapped = false; }

inline take(did) {
  did = false;
  do
  :: d_step { seen_number = number; seen_left = left; }
     if
     :: seen_left == 0 -> break
     :: else
     fi;
     read_routine = routine;
     read_blocks = blocks;
     d_step {
       swapped = SAME;
       if
       :: swapped -> left--
       :: else
       fi
     }
     if
     :: swapped ->
          d_step {                        /* the routine begins */
            assert(read_routine == seen_number);
            assert(!returned[seen_number]);
            ran[seen_number * MOST + read_blocks - seen_left]++;
            assert(ran[seen_number * MOST + read_blocks - seen_left] == 1);
          }
          d_step {                        /* the routine ends */
            assert(!returned[seen_number]);
            finished++;
            did = true;
          }
          break
     :: else
     fi
  od;
  skip;
  FORGET
}

proctype Worker(byte me) {
  byte seen_number, seen_left, read_routine, read_blocks;
  bool swapped, did;
serve:
  skip;
  d_step { asleep = asleep - flag[me]; flag[me] = false; }
  do
  :: take(did);
     if
     :: did
     :: !did && stop -> goto leave
     :: !did && !stop                     /* look again, or lose patience: */
     :: !did && !stop ->
          flag[me] = true;
          asleep++;
#ifdef NO_SECOND_LOOK
          d_step { gone[me] = true; gone_at[me] = seen_number; }
          goto sleep;
#else
          if
          :: d_step { left == 0 -> gone[me] = true; gone_at[me] = number; }
             goto sleep
          :: left != 0 ->
             d_step { asleep = asleep - flag[me]; flag[me] = false; }
          fi
#endif
     fi
  od;
sleep:
  skip;
  d_step { token[me] -> token[me] = false; gone[me] = false; }
  goto serve;
leave:
  skip
}

proctype Caller() {
  byte seen_number, seen_left, read_routine, read_blocks;
  bool swapped, did;
  byte job = 1, i, count;
  do
  :: job <= JOBS ->
     routine = job;
     if
     :: blocks = 1
     :: blocks = MOST
     fi;
     finished = 0;
     d_step { number = job; left = blocks; }
     if
     :: asleep != 0 ->
          for (i : 0 .. WORKERS - 1) {
            if
            :: flag[i] -> token[i] = true
            :: !flag[i]
            fi
          }
     :: asleep == 0
     fi;
     skip;
     d_step {                             /* whoever slept before this job was posted is called */
       for (i : 0 .. WORKERS - 1) {
         assert(!gone[i] || gone_at[i] == job || token[i]);
       }
       i = 0;
     }
     do
     :: take(did);
        if
        :: did
        :: !did -> count = blocks; break
        fi
     :: skip;                             /* Ctrl-C: withdraw */
        d_step { count = blocks - left; left = 0; }
        blocks = count;
        break
     od;
#ifndef NO_WAIT
     finished == count;
#endif
     skip;
     d_step {
       for (i : 0 .. MOST - 1) {
         assert(ran[job * MOST + i] == (i < count));
       }
       i = 0;
       returned[job] = true;
       job++;
     }
  :: job > JOBS -> break
  od;
  stop = true;
  for (i : 0 .. WORKERS - 1) {
    token[i] = true
  }
}

init {
  byte w;
  atomic {
    for (w : 0 .. WORKERS - 1) {
      run Worker(w)
    }
    run Caller()
  }
}
