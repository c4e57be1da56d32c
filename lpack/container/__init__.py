"""The Amazon Linux container: packages built on a Docker Engine, in the image that lies under the runtime.

A ``Task`` is one run of a shell script: files go in and results come out through the engine's own interface, as tars,
so that it works with an engine on another machine, too, nothing on the host ever belongs to another user, and the
user's source is out of the container's reach. Certificates, proxies, credentials and index settings lie in a volume of
the container's own, which is in no image and ends with it; neither its command line nor its variables tell them.

A container lives as long as lpack holds its standard input open: however lpack ends, the engine ends and removes it.
"""

from .failures import explained, keep_log, with_log
from .images import BuildImage, build_image_for
from .settings import Settings, settings_of
from .task import Outcome, Task, perform

__all__ = [
    "BuildImage",
    "Outcome",
    "Settings",
    "Task",
    "build_image_for",
    "explained",
    "keep_log",
    "perform",
    "settings_of",
    "with_log",
]
