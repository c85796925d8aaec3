package main

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// playMaintenance checks what a member says of itself and of its cluster.
func playMaintenance(ctx context.Context, c *clientv3.Client) error {
	put, err := c.Put(ctx, "maintenance", "1")
	if err != nil {
		return err
	}
	endpoint := c.Endpoints()[0]
	status, err := c.Status(ctx, endpoint)
	if err != nil {
		return err
	}
	if err := equal("version", status.Version, "3.7.1"); err != nil {
		return err
	}
	if status.Leader == 0 || status.RaftIndex == 0 || status.RaftTerm == 0 || status.DbSize == 0 {
		return fmt.Errorf("a field is 0: %v", status)
	}
	members, err := c.MemberList(ctx)
	if err != nil {
		return err
	}
	if len(members.Members) == 0 || members.Members[0].ID != members.Header.MemberId {
		return fmt.Errorf("the members: %v", members)
	}
	alarms, err := c.AlarmList(ctx)
	if err != nil {
		return err
	}
	if err := equal("alarms", len(alarms.Alarms), 0); err != nil {
		return err
	}
	now, err := c.HashKV(ctx, endpoint, 0)
	if err != nil {
		return err
	}
	same, err := c.HashKV(ctx, endpoint, put.Header.Revision)
	if err != nil {
		return err
	}
	if err := equal("the hash of one revision", now.Hash, same.Hash); err != nil {
		return err
	}
	_, err = c.HashKV(ctx, endpoint, put.Header.Revision+100)
	return failsWith("a future hash", err, rpctypes.ErrFutureRev)
}
