"""What a runtime of one's own can do: answer with any bytes, and in a stream; a shell and curl speak its API."""

from __future__ import annotations

import pytest
from functions import Started, called

from lpack.errors import UsageError

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.needs("bwrap", "curl")]

BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    curl --silent --show-error --dump-header /tmp/headers --output /tmp/event "$api/next"
    id=$(sed -n 's/^lambda-runtime-aws-request-id: *\\([^\\r]*\\).*/\\1/ip' /tmp/headers)
    case "$(cat /tmp/event)" in
        '"bytes"') printf '\\000\\377not \\200JSON' | curl --silent --data-binary @- "$api/$id/response" ;;
        '"stream"') (printf 'first '; sleep 0.3; printf 'second') | curl --silent --request POST --upload-file - \\
            --header 'Lambda-Runtime-Function-Response-Mode: streaming' --header 'Transfer-Encoding: chunked' \\
            "$api/$id/response" ;;
        '"nothing"') curl --silent --data '' "$api/$id/response" ;;
        '"error"') curl --silent --header 'Lambda-Runtime-Function-Error-Type: Orders.NotFound' \\
            --data '{"errorMessage": "no such order", "errorType": "NotFound"}' "$api/$id/error" ;;
        *) curl --silent --data-binary @/tmp/event "$api/$id/response" ;;
    esac
done
"""


def test_a_runtime_may_answer_with_anything(started: Started) -> None:
    files = {"bootstrap": BOOTSTRAP}
    with started(files, runtime="provided.al2023", handler="any", executable=("bootstrap",)) as running:
        binary = called(running, "bytes")
        assert binary.failure is None
        assert binary.response == b"\x00\xffnot \x80JSON"
        assert called(running, "stream").response == b"first second"
        nothing = called(running, "nothing")
        assert (nothing.response, nothing.value, nothing.failure) == (b"", None, None)
        failure = called(running, "error").failure
        assert failure is not None
        assert (failure.kind, failure.message, failure.handled) == ("NotFound", "no such order", True)
        event = running.invoke('{"größe": "\U0001f600"}'.encode())
        assert event.value == {"größe": "\U0001f600"}
        assert not event.cold


def test_a_bootstrap_that_is_missing_or_broken_is_told(started: Started) -> None:
    options = {"runtime": "provided.al2023", "handler": "any"}
    with pytest.raises(UsageError, match="`orders` has no `bootstrap`"), started({"other": ""}, **options):
        pass
    with started({"bootstrap": "#!/nowhere\n"}, executable=("bootstrap",), **options) as running:
        failure = called(running).failure
        assert failure is not None
        assert failure.kind == "Runtime.InvalidEntrypoint"
    with started({"bootstrap": "#!/bin/sh\necho leaving\nexit 4\n"}, executable=("bootstrap",), **options) as running:
        invocation = called(running)
        assert invocation.failure is not None
        assert invocation.failure.kind == "Runtime.ExitError"
        assert "exit status 4" in invocation.failure.message
        assert "leaving" in invocation.logs
