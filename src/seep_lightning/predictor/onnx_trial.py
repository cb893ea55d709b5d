"""A script: read an ONNX model from standard input, and have it compute one window of zeros within bounded memory.

Arguments: how many bytes it may take, and the sides of the window. It imports nothing of this package, to start soon.
"""

import sys
from pathlib import Path

REFUSED = 3
"""The exit status where onnxruntime refuses the model for another reason than memory."""
_MEMORY_WORDS = ("bad_alloc", "allocate", "memory", "vector::", "too large", "length_error")
_PAGES = Path("/proc/self/statm")


def limit_memory(budget: int) -> None:
    """Have this process take so many more bytes at most, where the system can tell how many it has."""
    if sys.platform != "linux" or not _PAGES.exists():
        return
    import resource

    taken = int(_PAGES.read_text(encoding="utf-8").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + budget, taken + budget))


def compute(content: bytes, shape: list[int]) -> None:
    """Compute one window of zeros."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    window = np.zeros(shape, np.float32)
    session.run(None, {session.get_inputs()[0].name: window})


def main() -> int:
    """Compute, and tell by the exit status how it went."""
    import onnxruntime  # noqa: F401

    budget, *shape = (int(text) for text in sys.argv[1:])
    content = sys.stdin.buffer.read()
    limit_memory(budget)
    try:
        compute(content, shape)
    except MemoryError:
        return 1
    # onnxruntime has an error class for every reason
    except Exception as error:
        sys.stderr.write(str(error))
        return 1 if any(word in str(error).lower() for word in _MEMORY_WORDS) else REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
