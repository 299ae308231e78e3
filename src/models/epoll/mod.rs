//! The epoll model.
