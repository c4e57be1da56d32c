"""The records of a zip file, as both the writer and the reader need them.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (sections 4.3 and 4.4)
"""

from __future__ import annotations

from struct import Struct

STORED = 0
DEFLATED = 8

UTF8 = 0x800
DATA_DESCRIPTOR = 0x8
ENCRYPTED = 0x1 | 0x40 | 0x2000
"""The flags of a member that is encrypted, strongly encrypted, or whose header is masked."""

UNIX = 3
"""The "made by" system whose external attributes hold a file mode."""

VERSION = 20
VERSION_ZIP64 = 45

DOS_DATE_1980 = (0 << 9) | (1 << 5) | 1
"""1 January 1980, the earliest day a zip can name; its time is 0."""

MAX_16 = 0xFFFF
MAX_32 = 0xFFFFFFFF

# signature, version needed, flags, method, time, date, crc, packed size, size, name length, extra length
LOCAL_HEADER = Struct("<4s5H3L2H")
LOCAL_SIGNATURE = b"PK\x03\x04"

# signature, version made by, system, version needed, flags, method, time, date, crc, packed size, size, name length,
# extra length, comment length, disk, internal attributes, external attributes, offset of the local header
CENTRAL_HEADER = Struct("<4s2B5H3L5H2L")
CENTRAL_SIGNATURE = b"PK\x01\x02"

# signature, this disk, disk of the directory, entries here, entries, directory's size, its offset, comment length
END = Struct("<4s4H2LH")
END_SIGNATURE = b"PK\x05\x06"

# signature, size of this record, made by, needed, this disk, disk of the directory, entries here, entries, size, offset
END_ZIP64 = Struct("<4sQ2H2L4Q")
END_ZIP64_SIGNATURE = b"PK\x06\x06"

# signature, disk of the record above, its offset, number of disks
LOCATOR_ZIP64 = Struct("<4sLQL")
LOCATOR_ZIP64_SIGNATURE = b"PK\x06\x07"

EXTRA_HEADER = Struct("<2H")
EXTRA_ZIP64 = 1
