"""The operating systems under Lambda's runtimes, and what their C and C++ libraries offer."""

from __future__ import annotations

from dataclasses import dataclass

# Part of glibc's own package, or of the compiler's runtime: there is no Amazon Linux without these.
_ALWAYS = frozenset(
    """
    ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libmvec.so.1 libdl.so.2 libpthread.so.0 librt.so.1
    libutil.so.1 libresolv.so.2 libanl.so.1 libBrokenLocale.so.1 libthread_db.so.1 libnss_files.so.2 libnss_dns.so.2
    libgcc_s.so.1 libstdc++.so.6
    """.split()
)

# What the system's own tools pull in (rpm, curl, the package manager), so in every base image known so far.
_USUAL = frozenset(
    """
    libz.so.1 libbz2.so.1 liblzma.so.5 libexpat.so.1 libffi.so.6 libffi.so.8 libcurl.so.4 libxml2.so.2 libsqlite3.so.0
    libreadline.so.7 libreadline.so.8 libncursesw.so.6 libtinfo.so.6 libuuid.so.1 libglib-2.0.so.0 libgobject-2.0.so.0
    libgio-2.0.so.0 libgmodule-2.0.so.0 libgthread-2.0.so.0 libpcre.so.1 libpcre2-8.so.0 libselinux.so.1 libcap.so.2
    libacl.so.1 libattr.so.1 libgmp.so.10 libidn2.so.0 libunistring.so.0 libunistring.so.2 libnghttp2.so.14
    libpsl.so.5 libssh2.so.1 libkrb5.so.3 libk5crypto.so.3 libcom_err.so.2 libgssapi_krb5.so.2 libkrb5support.so.0
    libkeyutils.so.1 libldap-2.4.so.2 liblber-2.4.so.2 libsasl2.so.3 libzstd.so.1 liblz4.so.1
    """.split()
)


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """An Amazon Linux release: its glibc, the newest symbol versions of its libstdc++, and its shared libraries.

    ``libraries`` are certain; ``likely_libraries`` come with the base system's own tools, but AWS documents no
    inventory, so a need for one of them is worth a note.
    """

    name: str
    glibc: tuple[int, int]
    glibcxx: tuple[int, ...]
    cxxabi: tuple[int, ...]
    libraries: frozenset[str]
    likely_libraries: frozenset[str]


# libstdc++ of GCC 7.3 and GCC 11: https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html
AMAZON_LINUX_2 = OperatingSystem(
    name="Amazon Linux 2",
    glibc=(2, 26),
    glibcxx=(3, 4, 24),
    cxxabi=(1, 3, 11),
    libraries=_ALWAYS | {"libnsl.so.1", "libcrypt.so.1"},
    likely_libraries=_USUAL | {"libcrypto.so.10", "libssl.so.10"},
)
AMAZON_LINUX_2023 = OperatingSystem(
    name="Amazon Linux 2023",
    glibc=(2, 34),
    glibcxx=(3, 4, 29),
    cxxabi=(1, 3, 13),
    libraries=_ALWAYS | {"libcrypt.so.2"},
    likely_libraries=_USUAL | {"libcrypto.so.3", "libssl.so.3", "libnsl.so.1"},
)
