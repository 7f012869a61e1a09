//! A small in-memory Kubernetes: API server, controllers and a kubelet that pretends.
