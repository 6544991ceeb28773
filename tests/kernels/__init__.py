"""Programs that run the Triton kernels without a GPU, each in a process of its own: Triton reads TRITON_INTERPRET when it is imported."""
