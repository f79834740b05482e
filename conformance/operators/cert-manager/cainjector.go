package main

import (
	"context"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	certscheme "github.com/cert-manager/cert-manager/pkg/client/clientset/versioned/scheme"
	injector "github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/util"
)

func cainjector() program {
	var namespace string
	return program{
		flags: func(flags *pflag.FlagSet) {
			flags.StringVar(&namespace, "leader-election-namespace", "kube-system", "where the lease is")
		},
		run: func(ctx context.Context) error {
			config, err := ctrl.GetConfig()
			if err != nil {
				return err
			}
			scheme := runtime.NewScheme()
			for _, add := range []func(*runtime.Scheme) error{
				kubescheme.AddToScheme, certscheme.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme,
			} {
				utilruntime.Must(add(scheme))
			}
			manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(config, "cainjector"), ctrl.Options{
				Scheme:                        scheme,
				Cache:                         cache.Options{ReaderFailOnMissingInformer: true},
				Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
				LeaderElection:                true,
				LeaderElectionNamespace:       namespace,
				LeaderElectionID:              "cert-manager-cainjector-leader-election",
				LeaderElectionReleaseOnCancel: true,
				Metrics:                       metrics.Options{BindAddress: ":9402"},
			})
			if err != nil {
				return err
			}
			if err := injector.RegisterAllInjectors(ctx, manager, injector.SetupOptions{
				EnableCertificatesDataSource: true,
				EnabledReconcilersFor: map[string]bool{
					injector.MutatingWebhookConfigurationName:   true,
					injector.ValidatingWebhookConfigurationName: true,
					injector.APIServiceName:                     true,
					injector.CustomResourceDefinitionName:       true,
				},
			}); err != nil {
				return err
			}
			return manager.Start(ctx)
		},
	}
}
