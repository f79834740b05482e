package main

import (
	"context"

	"github.com/spf13/pflag"

	certwebhook "github.com/cert-manager/cert-manager/internal/webhook"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

func webhook() program {
	configuration, err := options.NewWebhookConfiguration()
	return program{
		flags: func(flags *pflag.FlagSet) { options.AddConfigFlags(flags, configuration) },
		run: func(ctx context.Context) error {
			if err != nil {
				return err
			}
			server, err := certwebhook.NewCertManagerWebhookServer(logf.FromContext(ctx), *configuration)
			if err != nil {
				return err
			}
			return server.Run(ctx)
		},
	}
}
