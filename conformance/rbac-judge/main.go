// rbac-judge is upstream's RBAC authorizer as a function: it reads worlds of roles, bindings and questions, one JSON object a
// line, and writes for each what kube-apiserver's own code decides, lists and refuses to give on, one line each, in the same
// order. Bindings are looked at in the order of their names, so that the reason is always the same one.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	rbaclisters "k8s.io/client-go/listers/rbac/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/registry/rbac/validation"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
)

type who struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
}

func (w who) info() user.Info { return &user.DefaultInfo{Name: w.Name, Groups: w.Groups} }

type question struct {
	User        who    `json:"user"`
	Verb        string `json:"verb"`
	IsResource  bool   `json:"isResource"`
	Group       string `json:"group"`
	Version     string `json:"version"`
	Resource    string `json:"resource"`
	Subresource string `json:"subresource"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Path        string `json:"path"`
}

type listing struct {
	User      who    `json:"user"`
	Namespace string `json:"namespace"`
	// Wanted is what the user would give on.
	Wanted []rbacv1.PolicyRule `json:"wanted"`
}

type world struct {
	Roles               []*rbacv1.Role               `json:"roles"`
	ClusterRoles        []*rbacv1.ClusterRole        `json:"clusterRoles"`
	RoleBindings        []*rbacv1.RoleBinding        `json:"roleBindings"`
	ClusterRoleBindings []*rbacv1.ClusterRoleBinding `json:"clusterRoleBindings"`
	Questions           []question                   `json:"questions"`
	Listings            []listing                    `json:"listings"`
}

type decision struct {
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	Error    string `json:"error,omitempty"`
}

type listed struct {
	ResourceRules    []authorizer.ResourceRuleInfo    `json:"resourceRules"`
	NonResourceRules []authorizer.NonResourceRuleInfo `json:"nonResourceRules"`
	Incomplete       bool                             `json:"incomplete"`
	Error            string                           `json:"error"`
	// Escalation is why the wanted rules may not be given on.
	Escalation string `json:"escalation"`
}

type verdict struct {
	Decisions []decision `json:"decisions"`
	Listed    []listed   `json:"listed"`
}

type bindings struct{ *world }

func (b bindings) ListRoleBindings(_ context.Context, namespace string) ([]*rbacv1.RoleBinding, error) {
	var found []*rbacv1.RoleBinding
	for _, binding := range b.RoleBindings {
		if binding.Namespace == namespace {
			found = append(found, binding)
		}
	}
	return found, nil
}

func (b bindings) ListClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	return b.ClusterRoleBindings, nil
}

func indexerOf[T runtime.Object](objects []T) cache.Indexer {
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for _, object := range objects {
		if err := indexer.Add(object); err != nil {
			fail(err)
		}
	}
	return indexer
}

var names = map[authorizer.Decision]string{authorizer.DecisionAllow: "allow", authorizer.DecisionDeny: "deny", authorizer.DecisionNoOpinion: "no-opinion"}

func (w *world) verdict() verdict {
	sort.SliceStable(w.RoleBindings, func(i, j int) bool { return w.RoleBindings[i].Name < w.RoleBindings[j].Name })
	sort.SliceStable(w.ClusterRoleBindings, func(i, j int) bool { return w.ClusterRoleBindings[i].Name < w.ClusterRoleBindings[j].Name })
	roles := &rbac.RoleGetter{Lister: rbaclisters.NewRoleLister(indexerOf(w.Roles))}
	clusterRoles := &rbac.ClusterRoleGetter{Lister: rbaclisters.NewClusterRoleLister(indexerOf(w.ClusterRoles))}
	judge := rbac.New(roles, bindings{w}, clusterRoles, bindings{w})
	resolver := validation.NewDefaultRuleResolver(roles, bindings{w}, clusterRoles, bindings{w})
	var v verdict
	for _, q := range w.Questions {
		attributes := authorizer.AttributesRecord{
			User: q.User.info(), Verb: q.Verb, ResourceRequest: q.IsResource, APIGroup: q.Group, APIVersion: q.Version,
			Resource: q.Resource, Subresource: q.Subresource, Namespace: q.Namespace, Name: q.Name, Path: q.Path,
		}
		decided, reason, err := judge.Authorize(context.Background(), attributes)
		d := decision{Decision: names[decided], Reason: reason}
		if err != nil {
			d.Error = err.Error()
		}
		v.Decisions = append(v.Decisions, d)
	}
	for _, l := range w.Listings {
		resourceRules, nonResourceRules, incomplete, err := judge.RulesFor(context.Background(), l.User.info(), l.Namespace)
		one := listed{ResourceRules: resourceRules, NonResourceRules: nonResourceRules, Incomplete: incomplete}
		if err != nil {
			one.Error = err.Error()
		}
		ctx := genericapirequest.WithNamespace(genericapirequest.WithUser(context.Background(), l.User.info()), l.Namespace)
		if err := validation.ConfirmNoEscalation(ctx, resolver, l.Wanted); err != nil {
			one.Escalation, _, _ = strings.Cut(err.Error(), "; resolution errors: ")
		}
		v.Listed = append(v.Listed, one)
	}
	return v
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "rbac-judge:", err)
	os.Exit(1)
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			var w world
			if err := json.Unmarshal(line, &w); err != nil {
				fail(err)
			}
			if err := out.Encode(w.verdict()); err != nil {
				fail(err)
			}
		}
		if err != nil {
			return
		}
	}
}
