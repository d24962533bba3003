import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comp import files

SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.sampled_from(["C", "F"]), st.sampled_from(["<f4", "<f8", "<i8", "<U3", "?"]))
def test_arrays_of_any_shape_type_and_order_are_read_in_c_order(tmp_path_factory, shape, order, dtype):
    path = tmp_path_factory.mktemp("arrays") / "x.npz"
    values = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    np.savez(path, x=np.asarray(values, order=order))
    made = files.read_arrays(path, ("x",))["x"]
    np.testing.assert_array_equal(made, values)
    assert made.shape == shape
    assert made.flags.c_contiguous


def test_a_missing_array_is_named_and_an_optional_one_may_be_missing(tmp_path):
    np.savez(tmp_path / "x.npz", ids=np.array(["a"]))
    assert list(files.read_arrays(tmp_path / "x.npz", ("ids",), optional=("meta",))) == ["ids"]
    with pytest.raises(ValueError, match=r"no array probs among ids\.npy"):
        files.read_arrays(tmp_path / "x.npz", ("ids", "probs"))


def test_objects_are_refused_with_what_to_do(tmp_path):
    np.savez(tmp_path / "x.npz", ids=np.array(["a"], object))
    with pytest.raises(ValueError, match=r"save ids.astype\(str\)"):
        files.read_arrays(tmp_path / "x.npz", ("ids",))
