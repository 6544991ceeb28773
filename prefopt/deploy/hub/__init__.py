"""A round on the Hugging Face Hub: what is published of it, sent as one commit with a tag; and a project that starts from one."""
