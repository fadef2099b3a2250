{{/* Rules of roles. hack/chart/rights.ts, from which docs/rights.md is generated, has the reason for each verb. */}}

{{/* The operator's, in namespaces with CameraStreams. */}}
{{- define "footfall.rules.streams" -}}
- apiGroups: [footfall.dev]
  resources: [camerastreams]
  verbs: [list, watch]
- apiGroups: [footfall.dev]
  resources: [camerastreams/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* The operator's, in its own namespace. The names of lease and pool are constants of the operator. */}}
{{- define "footfall.rules.own" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [footfall-operator]
  verbs: [get, update]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create]
- apiGroups: [""]
  resources: [services]
  resourceNames: [footfall-counter]
  verbs: [patch]
- apiGroups: [apps]
  resources: [deployments]
  resourceNames: [{{ include "footfall.operator" . }}]
  verbs: [get]
{{- if not (include "footfall.certificateGiven" .) }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "footfall.certificate" . }}, footfall-counter-authority]
  verbs: [get, update]
{{- end }}
{{- if .Values.watchNamespaces }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create]
- apiGroups: [apps]
  resources: [deployments]
  resourceNames: [footfall-counter]
  verbs: [patch]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- end -}}

{{- define "footfall.rules.counter" -}}
- apiGroups: [footfall.dev]
  resources: [camerastreams]
  verbs: [get, list, watch]
- apiGroups: [footfall.dev]
  resources: [camerastreams/status]
  verbs: [patch]
{{- end -}}

{{/* Token reviews are cluster-wide: a Role cannot grant them. */}}
{{- define "footfall.rules.identities" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
{{- end -}}

{{/* A role and its binding, of the cluster or of a namespace. Takes {root, name, account, component, rules, namespace?}. */}}
{{- define "footfall.role" -}}
{{- $scope := .namespace | empty | ternary "Cluster" "" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}Role
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "footfall.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
rules:
  {{- include .rules .root | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scope }}RoleBinding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "footfall.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $scope }}Role
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ .account }}
    namespace: {{ .root.Release.Namespace }}
{{ end -}}

{{- define "footfall.account" -}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .account }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "footfall.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
# A pod that needs the token mounts it explicitly.
automountServiceAccountToken: false
{{ end -}}
