package main

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	certcontroller "github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

func controller() program {
	options := certcontroller.ContextOptions{
		ACMEOptions: certcontroller.ACMEOptions{
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01CheckRetryPeriod:             10 * time.Second,
		},
		IngressShimOptions: certcontroller.IngressShimOptions{
			DefaultIssuerKind:                 "Issuer",
			DefaultIssuerGroup:                "cert-manager.io",
			DefaultAutoCertificateAnnotations: []string{"kubernetes.io/tls-acme"},
		},
		CertificateOptions: certcontroller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/"},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	}
	var namespace string
	return program{
		flags: func(flags *pflag.FlagSet) {
			flags.StringVar(&namespace, "leader-election-namespace", "kube-system", "where the lease is")
			flags.StringVar(&options.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "where Secrets of ClusterIssuers are")
			flags.StringVar(&options.HTTP01SolverImage, "acme-http01-solver-image", "", "image of ACME's solver")
			flags.IntVar(&options.MaxConcurrentChallenges, "max-concurrent-challenges", 60, "challenges at one time")
		},
		run: func(ctx context.Context) error { return runController(ctx, options, namespace) },
	}
}

func runController(ctx context.Context, options certcontroller.ContextOptions, namespace string) error {
	group, ctx := errgroup.WithContext(ctx)
	factory, err := certcontroller.NewContextFactory(ctx, options)
	if err != nil {
		return err
	}
	base, err := factory.Build()
	if err != nil {
		return err
	}
	base.Metrics.SetupCertificateCollector(base.SharedInformerFactory.Certmanager().V1().Certificates().Lister())
	metricsListener, err := net.Listen("tcp", ":9402")
	if err != nil {
		return err
	}
	metricsServer := base.Metrics.NewServer(metricsListener)
	group.Go(func() error { return metricsServer.Serve(metricsListener) })
	healthListener, err := net.Listen("tcp", ":9403")
	if err != nil {
		return err
	}
	health := healthz.NewServer(20 * time.Second)
	group.Go(func() error { return health.Start(ctx, healthListener) })
	group.Go(func() error {
		<-ctx.Done()
		return metricsServer.Close()
	})

	group.Go(func() error {
		return elect(ctx, factory, namespace, health.LeaderHealthzAdaptor, func(ctx context.Context) {
			for name, make := range certcontroller.Known() {
				one, err := make(factory)
				if err != nil {
					logf.FromContext(ctx).Error(err, "not started", "controller", name)
					os.Exit(1)
				}
				group.Go(func() error { return one.Run(5, ctx) })
			}
			base.SharedInformerFactory.Start(ctx.Done())
			base.KubeSharedInformerFactory.Start(ctx.Done())
			base.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
		})
	})
	return group.Wait()
}

func elect(
	ctx context.Context, factory *certcontroller.ContextFactory, namespace string, health *leaderelection.HealthzAdaptor, work func(context.Context),
) error {
	own, err := factory.Build("leader-election")
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, namespace, "cert-manager-controller", own.Client.CoreV1(), own.Client.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: host + "-external-cert-manager-controller", EventRecorder: own.Recorder})
	if err != nil {
		return err
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 60 * time.Second, RenewDeadline: 40 * time.Second, RetryPeriod: 15 * time.Second, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: work, OnStoppedLeading: func() {}}, WatchDog: health,
	})
	if err != nil {
		return err
	}
	elector.Run(ctx)
	return nil
}
