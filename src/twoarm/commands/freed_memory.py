"""What arrays of a large study give back is kept for the next ones, where the C library is GNU's."""

from __future__ import annotations

import ctypes

MANY_PATIENTS = 200_000
LONGEST = 1 << 25  # bytes of an array that is kept when it is given back: the most that the library allows
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of mallopt(3)
NEVER, AHEAD = -1, 1 << 26  # to give back; bytes to take at once


def keep_freed_memory(patients: int) -> bool:
    """Keep freed memory in the process of a large study; say whether that was possible.

    By default the library gives arrays back to the system, which fills pages with zeros before it hands them out
    again. Kept, a whole study of 1,000,000 patients took 21.1 and 21.4 s in place of 21.9 and 22.7, with 5.8 and 6.0 s
    of the kernel in place of 6.2 and 6.6, in turns; its peak stayed 1.7 GB (a virtual machine of two cores, glibc
    2.36).

    Arrays of more than 32 MB (4 million patients) still come and go. Keeping these, too (``M_MMAP_MAX`` of 0), took the
    kernel's part of 10,000,000 patients from 279 s to 88 s in an earlier version, but the peak from 12.8 to 20.5 GB, as
    memory falls into pieces that do not fit what is asked for next.

    Elsewhere, and in small studies, nothing changes; no number depends on it.
    """
    if patients < MANY_PATIENTS:
        return False
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  # others that have mallopt may mean something else by it
        wanted = ((MMAP_THRESHOLD, LONGEST), (TRIM_THRESHOLD, NEVER), (TOP_PAD, AHEAD))
        return all(library.mallopt(option, value) == 1 for option, value in wanted)
    except (AttributeError, OSError, TypeError):  # another library, or a system without one for all
        return False
