"""Triton kernels for CUDA devices. Triton is imported when a kernel is first launched; on a CPU its interpreter runs them in the tests.

write_out   MXFP4 blocks to weights in bfloat16 or float32, with LoRA's B as further columns
swiglu      bias and clamped SwiGLU of gpt-oss, forward and backward
"""
