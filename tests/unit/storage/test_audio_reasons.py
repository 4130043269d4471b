import pytest

from storage.audio_reasons import reason_of

REFUSED = "Generic S3 error: Error performing PUT http://10.0.0.7:9000/calls/x in 1.5ms - Server returned status: "


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            REFUSED + "404 Not Found: <?xml version='1.0'?>\n<Error><Code>NoSuchBucket</Code>"
            "<Message>The bucket does not exist</Message></Error>\n\nDebug source:\nGeneric {",
            "NoSuchBucket: The bucket does not exist",
        ),
        (
            "Generic S3 error: Error performing GET http://10.0.0.7:9000/calls/x in 240ms, after 2 retries, "
            "max_retries: 2, retry_timeout: 15s  - HTTP error: error sending request\n\nDebug source:\nGeneric {",
            "HTTP error: error sending request",
        ),
        (
            "Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1ms - HTTP error: x",
            "no keys for it were found",
        ),
        ("[Errno 28] No space left on device", "[Errno 28] No space left on device"),
    ],
)
def test_the_reason_is_one_line_without_addresses(said: str, reason: str) -> None:
    assert reason_of(RuntimeError(said)) == reason
