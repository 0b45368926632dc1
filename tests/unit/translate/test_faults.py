from adapter.errors import Stopping, UpstreamSilent
from adapter.translate.faults import ended_early, failed

FAILED = "an error was encountered while running the model: "


def test_a_fault_has_ollamas_words_and_the_engines():
    fault = failed("out of memory", 503)
    assert (fault.message, fault.status) == (FAILED + "out of memory", 503)
    assert failed("x").status == 500


def test_ollamas_words_are_said_once_however_many_adapters_there_are():
    assert failed(failed("out of memory").message).message == FAILED + "out of memory"


def test_how_a_stream_ended_before_its_answer():
    assert ended_early(None).message == FAILED + "unexpected EOF"
    silent = ended_early(UpstreamSilent("silent for 5 s"))
    assert (silent.message, silent.status) == (FAILED + "silent for 5 s", 504)
    stopping = Stopping("the adapter is shutting down")
    assert ended_early(stopping) is stopping
