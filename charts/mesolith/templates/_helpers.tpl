{{- define "mesolith.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "mesolith.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "mesolith.name" .) .Release.Name }}
{{- printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s-operator" .Release.Name (include "mesolith.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mesolith.selector" -}}
app.kubernetes.io/name: {{ include "mesolith.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "mesolith.labels" -}}
{{ include "mesolith.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "mesolith.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mesolith.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "mesolith.mutatingPolicy" -}}
{{- $switch := toString .Values.admissionPolicies.mutating -}}
{{- if or (eq $switch "true") (and (eq $switch "auto") (semverCompare ">=1.37.0-0" .Capabilities.KubeVersion.Version)) -}}
true
{{- end }}
{{- end }}
