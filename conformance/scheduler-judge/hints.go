package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

func empty(resource string) (any, error) {
	switch resource {
	case "Pod":
		return &v1.Pod{}, nil
	case "Node":
		return &v1.Node{}, nil
	case "PersistentVolume":
		return &v1.PersistentVolume{}, nil
	case "PersistentVolumeClaim":
		return &v1.PersistentVolumeClaim{}, nil
	case "Namespace":
		return &v1.Namespace{}, nil
	case "StorageClass":
		return &storagev1.StorageClass{}, nil
	case "CSINode":
		return &storagev1.CSINode{}, nil
	case "CSIDriver":
		return &storagev1.CSIDriver{}, nil
	case "CSIStorageCapacity":
		return &storagev1.CSIStorageCapacity{}, nil
	case "VolumeAttachment":
		return &storagev1.VolumeAttachment{}, nil
	case "DeviceClass":
		return &resourcev1.DeviceClass{}, nil
	case "ResourceClaim":
		return &resourcev1.ResourceClaim{}, nil
	case "ResourceSlice":
		return &resourcev1.ResourceSlice{}, nil
	}
	return nil, fmt.Errorf("there is no resource %q", resource)
}

func decode(resource string, text json.RawMessage) (any, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	object, err := empty(resource)
	if err != nil {
		return nil, err
	}
	return object, json.Unmarshal(text, object)
}

// resources that kube-scheduler names with their group.
var grouped = map[string]fwk.EventResource{
	"StorageClass": fwk.StorageClass, "CSINode": fwk.CSINode, "CSIDriver": fwk.CSIDriver,
	"CSIStorageCapacity": fwk.CSIStorageCapacity, "VolumeAttachment": fwk.VolumeAttachment,
	"DeviceClass": fwk.DeviceClass, "ResourceClaim": fwk.ResourceClaim, "ResourceSlice": fwk.ResourceSlice,
}

// clusterEvents are what kube-scheduler makes of one change.
func clusterEvents(kind string, before, after any) []fwk.ClusterEvent {
	resource := fwk.EventResource(kind)
	if group, ok := grouped[kind]; ok {
		resource = group
	}
	switch {
	case kind == "Pod" && before == nil:
		return []fwk.ClusterEvent{framework.EventAssignedPodAdd}
	case kind == "Pod" && after == nil:
		return []fwk.ClusterEvent{framework.EventAssignedPodDelete}
	case before == nil:
		return []fwk.ClusterEvent{{Resource: resource, ActionType: fwk.Add}}
	case after == nil:
		return []fwk.ClusterEvent{{Resource: resource, ActionType: fwk.Delete}}
	case kind == "Node":
		return framework.NodeSchedulingPropertiesChange(after.(*v1.Node), before.(*v1.Node))
	case kind == "Pod":
		return framework.PodSchedulingPropertiesChange(after.(*v1.Pod), before.(*v1.Pod))
	}
	return []fwk.ClusterEvent{{Resource: resource, ActionType: fwk.Update}}
}

// wakes asks the hints of the plugins that refused the pod, as the scheduling queue does.
func wakes(ctx context.Context, profile framework.Framework, pod *v1.Pod, plugins []string, changes []event) ([]bool, error) {
	type rule struct {
		plugin string
		fwk.ClusterEventWithHint
	}
	var rules []rule
	for _, extension := range profile.EnqueueExtensions() {
		if !slices.Contains(plugins, extension.Name()) {
			continue
		}
		registered, err := extension.EventsToRegister(ctx)
		if err != nil {
			return nil, err
		}
		// What buildQueueingHintMap adds is left out: any change of a taint wakes a pod that a plugin refused which looks at new
		// nodes. Upstream has it for the time before hints, and no pod is helped by it that its hints would not wake.
		for _, one := range registered {
			rules = append(rules, rule{extension.Name(), one})
		}
	}
	if len(plugins) == 0 {
		return slices.Repeat([]bool{true}, len(changes)), nil
	}
	answers := make([]bool, len(changes))
	for i, change := range changes {
		before, err := decode(change.Resource, change.Old)
		if err != nil {
			return nil, err
		}
		after, err := decode(change.Resource, change.New)
		if err != nil {
			return nil, err
		}
		// The queue knows a pod that has changed as it is now.
		asked := pod
		if changed, ok := after.(*v1.Pod); ok && changed.UID == pod.UID {
			asked = changed
		}
		for _, happened := range clusterEvents(change.Resource, before, after) {
			for _, rule := range rules {
				if !framework.MatchClusterEvents(rule.Event, happened) {
					continue
				}
				if rule.QueueingHintFn == nil {
					answers[i] = true
					continue
				}
				hint, err := rule.QueueingHintFn(klog.FromContext(ctx), asked, before, after)
				// An error counts as a reason to try.
				if err != nil || hint == fwk.Queue {
					answers[i] = true
				}
			}
		}
	}
	return answers, nil
}
