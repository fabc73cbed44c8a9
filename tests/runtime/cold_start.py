"""One of many processes that start at once on a cold cache, each with many threads: figure F10.

Run as ``python -m tests.runtime.cold_start THREADS``. It waits for a line on its input, so that all begin
together, and prints how many results were wrong.
"""

import sys
import threading

import numpy as np

import convolve

SHAPES = [((1, 3, 12, 13), (8, 3, 3, 3)), ((1, 1, 30, 31), (1, 1, 5, 5))]


def main() -> None:
    """Convolve in many threads and count what is wrong."""
    wrong: list[object] = []
    begin = threading.Barrier(int(sys.argv[1]))

    def work(number: int) -> None:
        begin.wait()
        for shape, taps in SHAPES[:: 1 if number % 2 else -1]:
            image = (np.arange(np.prod(shape)) % 7 + number).astype(np.float32).reshape(shape)
            weight = (np.arange(np.prod(taps)) % 5).astype(np.float32).reshape(taps)
            try:
                expected = convolve.conv2d(image, weight, algorithm="reference")
                if not np.array_equal(convolve.conv2d(image, weight), expected):
                    wrong.append(shape)
            except Exception as error:
                wrong.append(repr(error))

    sys.stdin.readline()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(int(sys.argv[1]))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(len(wrong), *wrong[:3])


if __name__ == "__main__":
    main()
