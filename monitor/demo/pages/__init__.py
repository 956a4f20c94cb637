"""The acted pages, one module a platform: values in, a :class:`~monitor.demo.reply.Reply` out."""
