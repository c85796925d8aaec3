package main

import (
	"context"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// playAlarms checks what each alarm refuses, and that nothing is refused any more without it.
func playAlarms(ctx context.Context, c *clientv3.Client) error {
	lease, err := c.Grant(ctx, 30)
	if err != nil {
		return err
	}
	for _, alarm := range []struct {
		kind    pb.AlarmType
		refusal error
		refused string
	}{
		{pb.AlarmType_NOSPACE, rpctypes.ErrNoSpace, "put grant txn-put "},
		{pb.AlarmType_CORRUPT, rpctypes.ErrCorrupt,
			"put delete grant revoke txn-put txn-delete compact "},
	} {
		if err := raise(ctx, c, alarm.kind, pb.AlarmRequest_ACTIVATE); err != nil {
			return err
		}
		refused, err := refusedBy(ctx, c, lease.ID, alarm.refusal)
		if err != nil {
			return err
		}
		if err := raise(ctx, c, alarm.kind, pb.AlarmRequest_DEACTIVATE); err != nil {
			return err
		}
		if err := equal(fmt.Sprintf("refused under %v", alarm.kind), refused, alarm.refused); err != nil {
			return err
		}
	}
	refused, err := refusedBy(ctx, c, lease.ID, rpctypes.ErrCorrupt)
	if err != nil {
		return err
	}
	return equal("refused without an alarm", refused, "")
}

func raise(
	ctx context.Context, c *clientv3.Client, kind pb.AlarmType, action pb.AlarmRequest_AlarmAction,
) error {
	status, err := c.Status(ctx, c.Endpoints()[0])
	if err != nil {
		return err
	}
	_, err = pb.NewMaintenanceClient(c.ActiveConnection()).Alarm(ctx,
		&pb.AlarmRequest{Action: action, MemberID: status.Header.MemberId, Alarm: kind})
	return err
}

// refusedBy names the calls that the refusal meets, and fails if one meets another that none of
// the calls has otherwise.
func refusedBy(
	ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID, refusal error,
) (string, error) {
	now, err := c.Get(ctx, "alarm")
	if err != nil {
		return "", err
	}
	calls := []struct {
		name string
		call func() error
		also error
	}{
		{"get", func() error { _, err := c.Get(ctx, "alarm"); return err }, nil},
		{"get-serializable", func() error {
			_, err := c.Get(ctx, "alarm", clientv3.WithSerializable())
			return err
		}, nil},
		{"put", func() error { _, err := c.Put(ctx, "alarm", "1"); return err }, nil},
		{"delete", func() error { _, err := c.Delete(ctx, "alarm"); return err }, nil},
		{"grant", func() error { _, err := c.Grant(ctx, 30); return err }, nil},
		{"renew", func() error { _, err := c.KeepAliveOnce(ctx, lease); return err }, nil},
		{"revoke", func() error { _, err := c.Revoke(ctx, 12345); return err }, rpctypes.ErrLeaseNotFound},
		{"txn-read", func() error {
			_, err := c.Txn(ctx).Then(clientv3.OpGet("alarm")).Commit()
			return err
		}, nil},
		{"txn-put", func() error {
			_, err := c.Txn(ctx).Then(clientv3.OpPut("alarm", "2")).Commit()
			return err
		}, nil},
		{"txn-delete", func() error {
			_, err := c.Txn(ctx).Then(clientv3.OpDelete("alarm")).Commit()
			return err
		}, nil},
		{"compact", func() error { _, err := c.Compact(ctx, now.Header.Revision+100); return err },
			rpctypes.ErrFutureRev},
	}
	refused := ""
	for _, one := range calls {
		switch err := one.call(); {
		case err == nil:
		case err == refusal:
			refused += one.name + " "
		case err != one.also:
			return "", fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return refused, nil
}
