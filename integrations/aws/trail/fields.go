package trail

import "strings"

// field is one place of a record.
type field uint8

// The texts of a record, then its other values. What is only passed over is
// known too, so that no other spelling of it goes unnoticed.
const (
	unknown field = iota
	version
	eventID
	sharedID
	eventTime
	eventSource
	eventName
	region
	sourceIP
	userAgent
	errorCode
	errorMessage
	recipient
	category
	idType
	principalID
	idARN
	idAccount
	accessKey
	userName
	invokedBy
	issuerARN
	sourceIdentity
	created
	behalfUser
	addendumReason
	originalID
	texts // how many there are of them

	readOnly
	request
	response
	resources
	identity
	session
	issuer
	attributes
	behalf
	addendum
	holder // what holds a record has it, and a record has not
	passed // from here on: known, and passed over

	requestID
	eventType
	apiVersion
	managementEvent
	tlsDetails
	additionalData
	serviceDetails
	vpcEndpoint
	vpcEndpointAccount
	fromConsole
	edgeDevice
	insight
	eventContext
	issuerType
	issuerPrincipal
	issuerAccount
	issuerName
	mfa
	webFederation
	fieldCount // how many there are
)

// spelled are the keys as they stand before their values.
var spelled = [fieldCount]string{
	version: `"eventVersion":`, eventID: `"eventID":`, sharedID: `"sharedEventID":`, eventTime: `"eventTime":`,
	eventSource: `"eventSource":`, eventName: `"eventName":`, region: `"awsRegion":`, sourceIP: `"sourceIPAddress":`,
	userAgent: `"userAgent":`, errorCode: `"errorCode":`, errorMessage: `"errorMessage":`, recipient: `"recipientAccountId":`,
	category: `"eventCategory":`, readOnly: `"readOnly":`, request: `"requestParameters":`, response: `"responseElements":`,
	resources: `"resources":`, identity: `"userIdentity":`, addendum: `"addendum":`,
	requestID: `"requestID":`, eventType: `"eventType":`, apiVersion: `"apiVersion":`, managementEvent: `"managementEvent":`,
	tlsDetails: `"tlsDetails":`, additionalData: `"additionalEventData":`, serviceDetails: `"serviceEventDetails":`,
	vpcEndpoint: `"vpcEndpointId":`, vpcEndpointAccount: `"vpcEndpointAccountId":`, fromConsole: `"sessionCredentialFromConsole":`,
	edgeDevice: `"edgeDeviceDetails":`, insight: `"insightDetails":`, eventContext: `"eventContext":`,
	idType: `"type":`, principalID: `"principalId":`, idARN: `"arn":`, idAccount: `"accountId":`, accessKey: `"accessKeyId":`,
	userName: `"userName":`, invokedBy: `"invokedBy":`, session: `"sessionContext":`, behalf: `"onBehalfOf":`,
	issuer: `"sessionIssuer":`, attributes: `"attributes":`, sourceIdentity: `"sourceIdentity":`, webFederation: `"webIdFederationData":`,
	issuerARN: `"arn":`, issuerType: `"type":`, issuerPrincipal: `"principalId":`, issuerAccount: `"accountId":`, issuerName: `"userName":`,
	created: `"creationDate":`, mfa: `"mfaAuthenticated":`, behalfUser: `"userId":`,
	addendumReason: `"reason":`, originalID: `"originalEventID":`,
	holder: `"detail":`,
}

// keysOf are the fields that an object has; unknown stands for the record.
var keysOf = [fieldCount][]field{
	unknown: {
		version, identity, eventTime, eventSource, eventName, region, sourceIP, userAgent, errorCode, errorMessage, request, response,
		additionalData, requestID, eventID, readOnly, resources, eventType, apiVersion, managementEvent, recipient, sharedID, category,
		serviceDetails, vpcEndpoint, vpcEndpointAccount, addendum, fromConsole, edgeDevice, insight, eventContext, tlsDetails, holder,
	},
	identity:   {idType, principalID, idARN, idAccount, accessKey, userName, session, invokedBy, behalf},
	session:    {issuer, attributes, sourceIdentity, webFederation},
	issuer:     {issuerType, issuerPrincipal, issuerARN, issuerAccount, issuerName},
	attributes: {created, mfa},
	behalf:     {behalfUser},
	addendum:   {addendumReason, originalID},
}

// fields are the values of one record as they were read, before they are
// understood.
type fields struct {
	text      [texts]string
	seen      uint64 // which fields were given; twice is not taken
	readOnly  bool
	request   []byte // as JSON without white space; empty where there is none
	response  []byte
	failed    bool   // response may tell of an error
	resource  string // the first of resources that has an ARN
	resources int    // how many have one
}

func (f *fields) reset() { *f = fields{} }

// once notes that a field was given. False: it was given before.
func (f *fields) once(k field) bool {
	if k >= holder || k == unknown {
		return true
	}
	bit := uint64(1) << k
	again := f.seen&bit != 0
	f.seen |= bit
	return !again
}

// fieldOf is the field of a key of an object, unknown being the record itself.
// ok is false where the key is one in other letters, which some readers take
// for it.
func fieldOf(of field, key string) (k field, ok bool) {
	for _, k := range keysOf[of] {
		if name := spelled[k]; name[1:len(name)-2] == key {
			return k, true
		}
	}
	if of == unknown && key == "CloudTrailEvent" {
		return holder, true
	}
	for _, k := range keysOf[of] {
		if name := spelled[k]; k < passed && strings.EqualFold(name[1:len(name)-2], key) {
			return unknown, false
		}
	}
	return unknown, true
}
