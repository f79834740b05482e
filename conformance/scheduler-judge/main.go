// scheduler-judge is upstream's scheduler as a function: it reads worlds, one JSON object a line, and writes for each what
// kube-scheduler's own framework, plugins, preemption and queueing hints say, one line each, in the same order. Nothing is
// bound and nobody is evicted: every probe sees the same world.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"sort"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	resourcev1 "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	core "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/validation"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

type world struct {
	Nodes          []*v1.Node                      `json:"nodes"`
	Pods           []*v1.Pod                       `json:"pods"`
	Namespaces     []*v1.Namespace                 `json:"namespaces"`
	Volumes        []*v1.PersistentVolume          `json:"volumes"`
	Claims         []*v1.PersistentVolumeClaim     `json:"claims"`
	Services       []*v1.Service                   `json:"services"`
	ReplicaSets    []*appsv1.ReplicaSet            `json:"replicaSets"`
	StorageClasses []*storagev1.StorageClass       `json:"storageClasses"`
	CSINodes       []*storagev1.CSINode            `json:"csiNodes"`
	CSIDrivers     []*storagev1.CSIDriver          `json:"csiDrivers"`
	CSICapacities  []*storagev1.CSIStorageCapacity `json:"csiCapacities"`
	Attachments    []*storagev1.VolumeAttachment   `json:"attachments"`
	Budgets        []*policyv1.PodDisruptionBudget `json:"budgets"`
	DeviceClasses  []*resourcev1.DeviceClass       `json:"deviceClasses"`
	DeviceClaims   []*resourcev1.ResourceClaim     `json:"deviceClaims"`
	Slices         []*resourcev1.ResourceSlice     `json:"slices"`
	// Probes are asked about one by one; they are among the pods of the world too, without a node.
	Probes []*v1.Pod `json:"probes"`
	// Config is a KubeSchedulerConfiguration; what is wrong with it is the only verdict then.
	Config json.RawMessage `json:"config"`
	Events []event         `json:"events"`
}

// An event is asked about for every probe that no node fits: would it wake the pod?
type event struct {
	// Resource is a kind; without Old it was added, without New deleted.
	Resource string          `json:"resource"`
	Old      json.RawMessage `json:"old"`
	New      json.RawMessage `json:"new"`
}

type score struct {
	Total   int64            `json:"total"`
	Plugins map[string]int64 `json:"plugins"`
}

type verdict struct {
	Feasible map[string]score `json:"feasible"`
	// Host is what the whole search chose.
	Host    string `json:"host,omitempty"`
	Message string `json:"message,omitempty"`
	// Nominated is nil where preemption leaves it as it is.
	Nominated *string  `json:"nominated"`
	Victims   []string `json:"victims"`
	// Plugins whose refusal an event may undo.
	Plugins []string `json:"plugins"`
	// Wakes has one answer per event of the world.
	Wakes []bool `json:"wakes,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	parallel := flag.Int("parallel", 6, "worlds at once")
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(devNull{})
	// What the judged decisions do not depend on, but would make them asynchronous.
	for _, gate := range []string{"SchedulerAsyncPreemption=false", "OpportunisticBatching=false"} {
		if err := utilfeature.DefaultMutableFeatureGate.Set(gate); err != nil {
			fail(err)
		}
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	type job struct {
		line []byte
		done chan []byte
	}
	queue := make(chan job, *parallel)
	order := make(chan job, *parallel*2)
	var workers sync.WaitGroup
	for range *parallel {
		workers.Go(func() {
			for j := range queue {
				j.done <- judge(j.line)
			}
		})
	}
	go func() {
		for {
			line, err := in.ReadBytes('\n')
			if len(line) > 1 {
				j := job{line, make(chan []byte, 1)}
				order <- j
				queue <- j
			}
			if err != nil {
				break
			}
		}
		close(order)
		close(queue)
	}()
	for j := range order {
		out.Write(append(<-j.done, '\n'))
		if err := out.Flush(); err != nil {
			fail(err)
		}
	}
	workers.Wait()
}

type devNull struct{}

func (devNull) Write(p []byte) (int, error) { return len(p), nil }

func fail(err error) {
	fmt.Fprintln(os.Stderr, "scheduler-judge:", err)
	os.Exit(1)
}

func judge(line []byte) []byte {
	var w world
	if err := json.Unmarshal(line, &w); err != nil {
		fail(err)
	}
	verdicts, err := w.verdicts()
	if err != nil {
		fail(err)
	}
	text, err := json.Marshal(verdicts)
	if err != nil {
		fail(err)
	}
	return text
}

func add[T runtime.Object](objects []runtime.Object, more []T) []runtime.Object {
	for _, object := range more {
		objects = append(objects, object)
	}
	return objects
}

func (w *world) verdicts() ([]verdict, error) {
	var objects []runtime.Object
	objects = add(objects, w.Nodes)
	objects = add(objects, w.Pods)
	objects = add(objects, w.Namespaces)
	objects = add(objects, w.Volumes)
	objects = add(objects, w.Claims)
	objects = add(objects, w.Services)
	objects = add(objects, w.ReplicaSets)
	objects = add(objects, w.StorageClasses)
	objects = add(objects, w.CSINodes)
	objects = add(objects, w.CSIDrivers)
	objects = add(objects, w.CSICapacities)
	objects = add(objects, w.Attachments)
	objects = add(objects, w.Budgets)
	objects = add(objects, w.DeviceClasses)
	objects = add(objects, w.DeviceClaims)
	objects = add(objects, w.Slices)
	objects = add(objects, w.Probes)
	all := int32(100)
	options := []scheduler.Option{scheduler.WithPercentageOfNodesToScore(&all)}
	if len(w.Config) > 0 {
		decoded, _, err := scheme.Codecs.UniversalDecoder().Decode(w.Config, nil, nil)
		if err != nil {
			return []verdict{{Error: err.Error()}}, nil
		}
		configuration := decoded.(*config.KubeSchedulerConfiguration)
		if err := validation.ValidateKubeSchedulerConfiguration(configuration); err != nil {
			return []verdict{{Error: err.Error()}}, nil
		}
		options = append(options, scheduler.WithProfiles(configuration.Profiles...))
	}
	client := fake.NewSimpleClientset(objects...)
	// Evictions are noted, not carried out.
	var lock sync.Mutex
	var evicted []string
	client.PrependReactor("delete", "pods", func(action core.Action) (bool, runtime.Object, error) {
		lock.Lock()
		defer lock.Unlock()
		evicted = append(evicted, action.GetNamespace()+"/"+action.(core.DeleteAction).GetName())
		return true, nil, nil
	})
	client.PrependReactor("patch", "pods", func(core.Action) (bool, runtime.Object, error) { return true, &v1.Pod{}, nil })

	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), klog.Background()))
	defer cancel()
	factory := informers.NewSharedInformerFactory(client, 0)
	recorder := func(string) events.EventRecorderLogger { return &events.FakeRecorder{} }
	sched, err := scheduler.New(ctx, client, factory, nil, recorder, options...)
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if err := sched.WaitForHandlersSync(ctx); err != nil {
		return nil, err
	}
	profile := sched.Profiles["default-scheduler"]
	snapshot, ok := profile.SnapshotSharedLister().(*internalcache.Snapshot)
	if !ok {
		return nil, errors.New("the framework has another snapshot than expected")
	}
	if err := sched.Cache.UpdateSnapshot(klog.Background(), snapshot); err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(w.Probes))
	for i, pod := range w.Probes {
		evicted = nil
		v := &verdicts[i]
		if err := ask(ctx, sched, profile, pod, v); err != nil {
			v.Error = err.Error()
		}
		sort.Strings(evicted)
		v.Victims = evicted
		if v.Message != "" && len(w.Events) > 0 {
			if v.Wakes, err = wakes(ctx, profile, pod, v.Plugins, w.Events); err != nil {
				return nil, err
			}
		}
	}
	return verdicts, nil
}

// ask fills in the verdict; an error is what kube-scheduler would report as one.
func ask(ctx context.Context, sched *scheduler.Scheduler, profile framework.Framework, pod *v1.Pod, v *verdict) error {
	info, err := framework.NewPodInfo(pod)
	if err != nil {
		return err
	}
	state := framework.NewCycleState()
	result, err := sched.SchedulePod(ctx, profile, state, &framework.QueuedPodInfo{PodInfo: info})
	if err != nil {
		var fit *framework.FitError
		if errors.As(err, &fit) {
			post, status := profile.RunPostFilterPlugins(ctx, state, pod, fit.Diagnosis.NodeToStatus)
			fit.Diagnosis.PostFilterMsg = status.Message()
			if post != nil && post.NominatingInfo != nil && post.Mode() == fwk.ModeOverride {
				v.Nominated = &post.NominatedNodeName
			}
			v.Plugins = fit.Diagnosis.UnschedulablePlugins.UnsortedList()
			sort.Strings(v.Plugins)
		}
		v.Message = err.Error()
		return nil
	}
	v.Host = result.SuggestedHost
	return scores(ctx, profile, pod, v)
}

// scores looks at all nodes, a nominated one or not.
func scores(ctx context.Context, profile framework.Framework, pod *v1.Pod, v *verdict) error {
	state := framework.NewCycleState()
	only, status, _ := profile.RunPreFilterPlugins(ctx, state, pod)
	if !status.IsSuccess() {
		return status.AsError()
	}
	nodes, err := profile.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		return err
	}
	var feasible []fwk.NodeInfo
	for _, node := range nodes {
		if !only.AllNodes() && !only.NodeNames.Has(node.Node().Name) {
			continue
		}
		status := profile.RunFilterPluginsWithNominatedPods(ctx, state, pod, node)
		if status.Code() == fwk.Error {
			return status.AsError()
		}
		if status.IsSuccess() {
			feasible = append(feasible, node)
		}
	}
	if status := profile.RunPreScorePlugins(ctx, state, pod, feasible); !status.IsSuccess() {
		return status.AsError()
	}
	list, status := profile.RunScorePlugins(ctx, state, pod, feasible)
	if !status.IsSuccess() {
		return status.AsError()
	}
	v.Feasible = map[string]score{}
	for _, node := range list {
		plugins := map[string]int64{}
		for _, one := range node.Scores {
			plugins[one.Name] = one.Score
		}
		v.Feasible[node.Name] = score{node.TotalScore, plugins}
	}
	return nil
}
