"""The operating systems under Lambda's runtimes, and what their C and C++ libraries offer."""

from __future__ import annotations

from typing import NamedTuple

# Part of glibc's own package, or of the compiler's runtime: there is no Amazon Linux without these.
_ALWAYS = frozenset(
    """
    ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libmvec.so.1 libdl.so.2 libpthread.so.0 librt.so.1
    libutil.so.1 libresolv.so.2 libanl.so.1 libBrokenLocale.so.1 libthread_db.so.1 libnss_files.so.2 libnss_dns.so.2
    libgcc_s.so.1 libstdc++.so.6
    """.split()  # noqa: SIM905 - a table is read best without quotes
)

# What Amazon Linux 2's own tools pull in (rpm, yum, curl), so in every base image known so far.
_AMAZON_LINUX_2_TOOLS = frozenset(
    """
    libz.so.1 libbz2.so.1 liblzma.so.5 libexpat.so.1 libffi.so.6 libcurl.so.4 libxml2.so.2 libsqlite3.so.0
    libreadline.so.6 libncurses.so.6 libncursesw.so.6 libtinfo.so.6 libuuid.so.1 libglib-2.0.so.0 libgobject-2.0.so.0
    libgio-2.0.so.0 libgmodule-2.0.so.0 libgthread-2.0.so.0 libpcre.so.1 libselinux.so.1 libcap.so.2 libacl.so.1
    libattr.so.1 libgmp.so.10 libidn2.so.0 libunistring.so.0 libnghttp2.so.14 libssh2.so.1 libkrb5.so.3
    libk5crypto.so.3 libcom_err.so.2 libgssapi_krb5.so.2 libkrb5support.so.0 libkeyutils.so.1 libldap-2.4.so.2
    liblber-2.4.so.2 libsasl2.so.3 libcrypto.so.10 libssl.so.10
    """.split()  # noqa: SIM905 - a table is read best without quotes
)

# The libraries in the packages of the minimal container image, on which AWS says its base images are built. Neither
# libgomp nor expat, libnsl and libxcrypt are among them.
# Source: https://docs.aws.amazon.com/linux/al2023/ug/al2023-container-ami.html, column "Minimal Container", and
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
_AMAZON_LINUX_2023_MINIMAL = frozenset(
    """
    libz.so.1 libbz2.so.1 liblzma.so.5 libzstd.so.1 liblz4.so.1 libarchive.so.13 libffi.so.8 libcurl.so.4 libxml2.so.2
    libsqlite3.so.0 libreadline.so.8 libhistory.so.8 libncurses.so.6 libncursesw.so.6 libtinfo.so.6 libform.so.6
    libformw.so.6 libmenu.so.6 libmenuw.so.6 libpanel.so.6 libpanelw.so.6 libuuid.so.1 libblkid.so.1 libmount.so.1
    libsmartcols.so.1 libglib-2.0.so.0 libgobject-2.0.so.0 libgio-2.0.so.0 libgmodule-2.0.so.0 libgthread-2.0.so.0
    libgirepository-1.0.so.1 libpcre2-8.so.0 libpcre2-posix.so.3 libselinux.so.1 libsepol.so.2 libcap.so.2
    libpsx.so.2 libcap-ng.so.0 libacl.so.1 libattr.so.1 libaudit.so.1 libauparse.so.0 libgmp.so.10 libmpfr.so.6
    libidn2.so.0 libunistring.so.2 libnghttp2.so.14 libpsl.so.5 libtasn1.so.6 libp11-kit.so.0 libkrb5.so.3
    libk5crypto.so.3 libcom_err.so.2 libgssapi_krb5.so.2 libkrb5support.so.0 libkeyutils.so.1 libverto.so.1
    libcrypto.so.3 libssl.so.3 libgcrypt.so.20 libgpg-error.so.0 libgpgme.so.11 libassuan.so.0 libnpth.so.0
    libjson-c.so.5 libyaml-0.so.2 libmagic.so.1 libpopt.so.0 liblua-5.4.so libsigsegv.so.2 librpm.so.9 librpmio.so.9
    """.split()  # noqa: SIM905 - a table is read best without quotes
)


class OperatingSystem(NamedTuple):
    """An Amazon Linux release: its glibc, the newest symbol versions of its libstdc++, and its shared libraries.

    ``libraries`` are inseparable from the system, or documented by AWS; ``likely_libraries`` are known from experience
    alone, so a need for one of them is worth a note.
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
    likely_libraries=_AMAZON_LINUX_2_TOOLS,
)
AMAZON_LINUX_2023 = OperatingSystem(
    name="Amazon Linux 2023",
    glibc=(2, 34),
    glibcxx=(3, 4, 29),
    cxxabi=(1, 3, 13),
    libraries=_ALWAYS | _AMAZON_LINUX_2023_MINIMAL,
    # Not in the minimal image, but the languages that AWS adds to it need them.
    likely_libraries=frozenset({"libcrypt.so.2", "libexpat.so.1"}),
)
