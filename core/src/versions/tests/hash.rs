//! HashKV equals etcd's: the expected numbers were computed by etcd 3.7.1's own mvcc package
//! for the same steps.
