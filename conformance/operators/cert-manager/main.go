// cert-manager's three programs in one, from the packages of its published module: controller, webhook and cainjector, with
// the flags that its chart gives them. The issuers Vault and Venafi are left out, and the Gateway API.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"k8s.io/component-base/logs"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

type program struct {
	flags func(*pflag.FlagSet)
	run   func(context.Context) error
}

func main() {
	programs := map[string]func() program{"controller": controller, "webhook": webhook, "cainjector": cainjector}
	if len(os.Args) < 2 || programs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|webhook|cainjector [FLAGS]")
		os.Exit(2)
	}
	name := os.Args[1]
	chosen := programs[name]()
	flags := pflag.NewFlagSet(name, pflag.ExitOnError)
	if chosen.flags != nil {
		chosen.flags(flags)
	}
	if flags.Lookup("v") == nil {
		logs.AddFlags(flags)
	}
	_ = flags.Parse(os.Args[2:])
	logs.InitLogs()
	defer logs.FlushLogs()
	ctrl.SetLogger(logf.Log)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := chosen.run(logf.NewContext(ctx, logf.Log, name)); err != nil {
		logf.Log.Error(err, "ended")
		os.Exit(1)
	}
}
