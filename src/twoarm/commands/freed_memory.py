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
    again. Kept, they took the kernel's part of a whole study of 1,000,000 patients from 13, 13 and 15 processor seconds
    to 6, 8 and 11, its peak staying 2.2 GB (a shared virtual machine of two cores, glibc 2.36).

    Arrays of more than 32 MB (4 million patients) still come and go. Kept, too (``M_MMAP_MAX`` of 0), they took the
    kernel's part of 10,000,000 patients from 279 s to 88 s, but the peak from 12.8 to 20.5 GB, as memory falls into
    pieces that do not fit what is asked for next; trimming between analyses gave the seconds back for the GB.

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
