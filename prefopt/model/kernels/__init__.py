"""Triton kernels for CUDA devices. Triton is imported when a kernel is first launched; on a CPU its interpreter runs them in the tests.

write_out   MXFP4 blocks to weights in bfloat16 or float32, with LoRA's B as further columns
swiglu      bias and clamped SwiGLU of gpt-oss, forward and backward
rms_norm    RMSNorm of rows, forward and backward
rotate      rotary embedding of queries and keys, and keys and values repeated for their queries, forward and backward
sink        a sink added to the result of attention without one
rows        the order of experts' rows, and the weighted sum of each token's rows, forward and backward
"""
